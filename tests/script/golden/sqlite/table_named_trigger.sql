▸CREATE TABLE "trigger" (a INT);✂
▸CREATE TEMP TABLE trigger_log (begin INT);✂
▸CREATE VIEW temp_trigger AS SELECT 1 AS begin;✂
▸SELECT 1;✂
