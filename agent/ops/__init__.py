"""Operations: logs and health."""
