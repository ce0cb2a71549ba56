// Where a newline ends a statement. The parser asks only where a statement may end: within brackets, behind a comma and
// behind an operator it doesn't, so a newline is a blank there.
#include "tree_sitter/parser.h"

enum TokenType { NEWLINE, ERROR_SENTINEL };

void *tree_sitter_fsched_external_scanner_create(void) { return NULL; }
void tree_sitter_fsched_external_scanner_destroy(void *payload) { (void)payload; }
unsigned tree_sitter_fsched_external_scanner_serialize(void *payload, char *buffer) {
  (void)payload;
  (void)buffer;
  return 0;
}
void tree_sitter_fsched_external_scanner_deserialize(void *payload, const char *buffer, unsigned length) {
  (void)payload;
  (void)buffer;
  (void)length;
}

static bool is_blank(int32_t c) { return c == ' ' || c == '\t' || c == '\r' || c == 0xFEFF; }

static bool is_name(int32_t c) {
  return c == '_' || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c > 127;
}

// Skips blanks, newlines and comments, to what stands next.
static void skip_gap(TSLexer *lexer) {
  while (!lexer->eof(lexer)) {
    if (lexer->lookahead == '#') {
      while (!lexer->eof(lexer) && lexer->lookahead != '\n') lexer->advance(lexer, false);
    } else if (is_blank(lexer->lookahead) || lexer->lookahead == '\n') {
      lexer->advance(lexer, false);
    } else {
      return;
    }
  }
}

// Whether `else` stands here as a whole word.
static bool at_else(TSLexer *lexer) {
  for (const char *c = "else"; *c; c++) {
    if (lexer->lookahead != *c) return false;
    lexer->advance(lexer, false);
  }
  return !is_name(lexer->lookahead);
}

bool tree_sitter_fsched_external_scanner_scan(void *payload, TSLexer *lexer, const bool *valid_symbols) {
  (void)payload;
  if (!valid_symbols[NEWLINE]) return false;
  while (is_blank(lexer->lookahead)) lexer->advance(lexer, true);
  if (lexer->lookahead != '\n') return false;
  lexer->advance(lexer, false);
  lexer->mark_end(lexer);
  lexer->result_symbol = NEWLINE;
  if (valid_symbols[ERROR_SENTINEL]) return true;
  // `else` may stand on a line of its own behind its `}`: no statement begins with it.
  skip_gap(lexer);
  return !at_else(lexer);
}
