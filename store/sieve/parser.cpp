// Parses by recursive descent, one token ahead.
#include "store/sieve/parser.h"

#include <optional>

#include "common/base/text.h"
#include "store/sieve/lexer.h"
#include "store/sieve/limits.h"

namespace pennypost::store::sieve {
namespace {

/// Every function returns false after a mistake, which is then in mistake_.
class Parser {
 public:
  explicit Parser(std::string_view script) : lexer_(script) {}

  ParsedScript run() {
    ParsedScript parsed;
    bool is_right = advance() && commands(parsed.commands, 0);
    if (is_right && token_.kind != Token::Kind::End) {
      is_right = wrong(token_.shown() + " without a { before it");
    }
    if (!is_right) {
      parsed.commands.clear();
      parsed.mistakes.push_back(std::move(mistake_));
    }
    return parsed;
  }

 private:
  bool advance() {
    auto token = lexer_.next();
    if (!token) {
      mistake_ = lexer_.mistake();
      return false;
    }
    token_ = *std::move(token);
    return true;
  }

  bool wrong(std::string text) {
    mistake_ = {token_.at, std::move(text)};
    return false;
  }

  /// Until a } or the end.
  bool commands(std::vector<WrittenCommand>& out, std::size_t depth) {
    while (token_.kind != Token::Kind::End && !token_.is_sign('}')) {
      if (token_.kind != Token::Kind::Identifier) {
        return wrong("expected a command, not " + token_.shown());
      }
      if (++command_count_ > commands_max) {
        return wrong("more than " + std::to_string(commands_max) + " commands");
      }
      if (!command(out.emplace_back(), depth)) return false;
    }
    return true;
  }

  bool command(WrittenCommand& out, std::size_t depth) {
    if (!name_and_arguments(out, 0)) return false;
    if (token_.is_sign('{')) {
      if (depth == block_nesting_max) {
        return wrong("blocks are nested deeper than " + std::to_string(block_nesting_max));
      }
      out.has_block = true;
      Position opened = token_.at;
      if (!advance() || !commands(out.block, depth + 1)) return false;
      if (token_.is_sign('}')) return advance();
      token_.at = opened;
      return wrong("this block has no end; close it with }");
    }
    if (token_.is_sign(';')) return advance();
    return wrong("expected \";\" or a block after " + out.name + ", not " + token_.shown());
  }

  bool name_and_arguments(WrittenCommand& out, std::size_t depth) {
    out.name = lower(token_.text);
    out.at = token_.at;
    if (!advance()) return false;
    while (begins_argument()) {
      if (out.arguments.size() == arguments_max) {
        return wrong("more than " + std::to_string(arguments_max) + " arguments");
      }
      if (!argument(out.arguments.emplace_back())) return false;
    }
    if (token_.kind != Token::Kind::Identifier && !token_.is_sign('(')) return true;
    if (depth == test_nesting_max) {
      return wrong("tests are nested deeper than " + std::to_string(test_nesting_max));
    }
    if (token_.is_sign('(')) return test_list(out, depth);
    return name_and_arguments(out.tests.emplace_back(), depth + 1);
  }

  bool test_list(WrittenCommand& out, std::size_t depth) {
    out.has_test_list = true;
    do {
      if (out.tests.size() == tests_max) {
        return wrong("more than " + std::to_string(tests_max) + " tests in a list");
      }
      if (!advance()) return false;
      if (token_.kind != Token::Kind::Identifier) {
        return wrong("expected a test, not " + token_.shown());
      }
      if (!name_and_arguments(out.tests.emplace_back(), depth + 1)) return false;
    } while (token_.is_sign(','));
    if (token_.is_sign(')')) return advance();
    return wrong("expected \",\" or \")\" in a list of tests, not " + token_.shown());
  }

  bool begins_argument() const {
    return token_.kind == Token::Kind::Tag || token_.kind == Token::Kind::Number ||
           token_.kind == Token::Kind::String || token_.is_sign('[');
  }

  bool argument(WrittenArgument& out) {
    out.at = token_.at;
    if (token_.is_sign('[')) return string_list(out);
    if (token_.kind == Token::Kind::Tag) {
      out.kind = WrittenArgument::Kind::Tag;
      out.tag = lower(token_.text);
    } else if (token_.kind == Token::Kind::Number) {
      out.kind = WrittenArgument::Kind::Number;
      out.number = token_.number;
    } else {
      out.kind = WrittenArgument::Kind::String;
      out.strings.push_back({std::move(token_.text), token_.at});
    }
    return advance();
  }

  bool string_list(WrittenArgument& out) {
    out.kind = WrittenArgument::Kind::StringList;
    do {
      if (out.strings.size() == string_list_max) {
        return wrong("more than " + std::to_string(string_list_max) + " strings in a list");
      }
      if (!advance()) return false;
      if (token_.kind != Token::Kind::String) {
        return wrong("expected a string in the list, not " + token_.shown());
      }
      out.strings.push_back({std::move(token_.text), token_.at});
      if (!advance()) return false;
    } while (token_.is_sign(','));
    if (token_.is_sign(']')) return advance();
    return wrong("expected \",\" or \"]\" in a list of strings, not " + token_.shown());
  }

  Lexer lexer_;
  Token token_;
  Mistake mistake_;
  std::size_t command_count_ = 0;
};

}  // namespace

ParsedScript parse_script(std::string_view script) {
  if (script.size() > script_bytes_max) {
    ParsedScript parsed;
    parsed.mistakes.push_back({{},
                               "the script has " + std::to_string(script.size()) +
                                   " octets; at most " + std::to_string(script_bytes_max) +
                                   " are allowed"});
    return parsed;
  }
  return Parser(script).run();
}

}  // namespace pennypost::store::sieve
