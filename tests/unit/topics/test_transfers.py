import orjson

from dispatch.topics.body import decode
from dispatch.topics.transfers import TransferBatchRequested


def test_a_batch_of_500_with_what_is_usually_said_of_each_is_not_too_long() -> None:
    patients = [
        {
            "patient_id": f"jinzhou-infectious-2022-{number:04d}",
            "severity": "critical",
            "mobility": "stretcher",
            "age": 78.5,
            "sex": "female",
            "name": "欧阳某某某某",
            "id_number": f"21070319440315{number:04d}",
            "symptoms": ["fever", "cough", "shortness_of_breath", "sore_throat", "diarrhoea"],
            "needs": ["oxygen", "ventilator", "pancreatitis", "fracture"],
        }
        for number in range(500)
    ]
    body = {
        "batch_id": "b1",
        "at": "2022-02-13T00:00:00Z",
        "institution_id": "JINZHOU-INFECTIOUS",
        "district": "210703",
        "location": {"latitude": 41.1, "longitude": 121.1},
        "kind": "confirmed",
        "patients": patients,
        "by": "nurse",
    }
    batch = TransferBatchRequested.model_validate(decode(orjson.dumps(body)))
    assert len(batch.patients) == 500
