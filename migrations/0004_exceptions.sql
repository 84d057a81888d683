-- Which exception of the limits an operation was allowed under: what it may use up in all is counted from here.
alter table operations
  add column exception text collate "C",
  add constraint operations_exception check (exception <> '');
create index operations_by_exception on operations (exception) where exception is not null;
