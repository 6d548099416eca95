▸SELECT type'C:\';✂
▸SELECT date'2025-01-01', "E"'\';✂
▸SELECT 1;✂
