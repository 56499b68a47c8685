SELECT count() AS n FROM open_undecoded_records
