-- What one principal asked, newest first: its own list, and an auditor's search. Without it either reads the whole trail where others asked most of what is in it.
create index decisions_by_principal on decisions (principal, mode, position);
