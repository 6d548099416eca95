▸SET standard_conforming_strings = on;✂
▸SELECT pg_catalog.set_config('search_path', '', false);✂
▸SET search_path TO off;✂
