-- Which PostgreSQL it is: 150004 is 15.4.
SELECT current_setting('server_version_num')::integer
