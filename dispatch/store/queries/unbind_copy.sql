-- A restored database is a copy, also where its server looks the same: it is to be adopted.
UPDATE binding SET server = 'restored'
