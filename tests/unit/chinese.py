"""What may stand in Latin letters in a Chinese line, and why."""

import re

WORD = re.compile(r"[A-Za-z]+(?:[-./+][A-Za-z0-9]+)*")
# What a reader types, or finds under this very name.
TYPED = re.compile(
    r"`[^`]*`"  # a command
    r"|--[a-z][a-z-]*"  # an option
    r"|[A-Za-z0-9_./*-]+\.(?:md|toml|csv|log|svg|png|sh)\b"  # a file
    r"|\b[a-z][a-z0-9]*(?:_[a-z0-9]+)+\b"  # a code, field or setting of several words
    r"|\b[a-z]+(?:\.[a-z_]+)+\b"  # a field or setting in its table
    r"|\b[A-Z]+(?:_[A-Z]+)+\b"  # a variable
    r"|\bp[0-9]/[a-z/,]+"  # a patient as `transfers request` takes one
    r"|\b[a-z]+=[^，。；、）\s]*|(?<=[A-Z]=)\S*"  # an assignment
    r"|\b[A-Z]{1,2}[0-9]+[A-Z]?\b"  # a rule
    r"|\bp[0-9]{2}\b"  # a percentile
    r"|[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:+]+"  # a time
    r"|/[a-z]+\b|\b[a-z]+://\S+|\.svg|\.png"  # a page or an address
    r"|\{[^}]*\}"  # a value that is put in
)
ALLOWED = frozenset(
    {
        # software, formats and standards, which have no other name
        *(
            "Apache",
            "AsyncAPI",
            "CloudEvent",
            "CloudEvents",
            "CSV",
            "GSSAPI",
            "JSON",
            "Kafka",
            "https",
        ),
        *("Lines", "OAUTHBEARER", "PgBouncer", "PostgreSQL", "Python", "RFC", "SHA-256", "Schema"),
        *(
            "TOML",
            "URL",
            "PGSERVICE",
            "UTF-8",
            "Unicode",
            "WGS-84",
            "GCJ-02",
            "BD-09",
            "gzip",
            "kcat",
            "UTC",
        ),
        # signals and keys, accounts, statements of JSON
        *("SIGTERM", "Ctrl-C", "root", "true", "false", "null"),
        # units
        *("km/h", "mg/L", "h", "mmHg", "mmol/L", "ms"),
        # what stands for itself in a rule about characters
        *("A-Z", "a-z", "U+0000", "T"),
        # names of packs, formats, scenarios, roles, languages, statuses that a reader types
        *(
            "covid-19",
            "sfgov",
            "jsonl",
            "city",
            "jinzhou",
            "hospital",
            "crew",
            "institution",
            "en",
            "zh",
            "fever",
        ),
        *(
            "unknown",
            "confirmed",
            "discharged",
            "emptied",
            "cases",
            "epidemic",
            "routine",
            "survey",
        ),
        # fields and settings of one word
        *("name", "latitude", "longitude", "delete", "compact", "service", "database", "action"),
        *("dispatch", "ask", "starts", "traditional", "vocabulary", "south", "north", "west"),
        *("east", "sslmode", "disable", "verify-full", "session", "gssapi", "file", "id", "body"),
        # a command that is to be run, an address that is to be given
        *("pip", "install", "ambulance-dispatch", "embedded", "chmod", "go-w", "host", "port"),
        *("pg", "uXXXX", "users"),
    }
)


def english(line: str) -> list[str]:
    """Return the words of a Chinese line that are none, and have no reason to be there."""
    return [word for word in WORD.findall(TYPED.sub(" ", line)) if word not in ALLOWED]
