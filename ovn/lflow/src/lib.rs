//! The logical flow language: lexer, symbols, expressions, actions, stages, registers.
