#include "smtpd/migration/mc_file.h"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include "common/base/text.h"

namespace pennypost::smtp {
namespace {

constexpr std::array own_language{
    std::string_view("LOCAL_CONFIG"),     std::string_view("LOCAL_RULESETS"),
    std::string_view("LOCAL_RULE_0"),     std::string_view("LOCAL_RULE_1"),
    std::string_view("LOCAL_RULE_2"),     std::string_view("LOCAL_RULE_3"),
    std::string_view("LOCAL_NET_CONFIG"), std::string_view("MAILER_DEFINITIONS")};

bool is_name_start(char c) { return is_alpha(c) || c == '_'; }
bool is_name_part(char c) { return is_alnum(c) || c == '_'; }

class Parser {
 public:
  Parser(std::string_view text, const std::string& file) : text_(text), file_(file) {}

  Result<std::vector<McCall>> run() {
    if (text_.size() > mc_bytes_max) {
      return error("larger than " + std::to_string(mc_bytes_max) + " bytes");
    }
    while (at_ < text_.size()) {
      TRY_DO(step());
      if (calls_.size() > mc_calls_max) {
        return error("more than " + std::to_string(mc_calls_max) + " macros");
      }
    }
    return std::move(calls_);
  }

 private:
  Error error(const std::string& reason) const {
    return Error::permanent(file_ + ":" + std::to_string(line_) + ": " + reason);
  }

  void advance() {
    if (text_[at_] == '\n') ++line_;
    ++at_;
  }
  void skip_line() {
    while (at_ < text_.size() && text_[at_] != '\n') ++at_;
  }
  std::string_view name_here() const {
    std::size_t end = at_;
    while (end < text_.size() && is_name_part(text_[end])) ++end;
    return text_.substr(at_, end - at_);
  }
  std::string shown(std::size_t from) const {
    std::string text;
    for (char c : text_.substr(from, at_ - from)) text += c == '\n' ? ' ' : c;
    return text;
  }

  Result<void> step() {
    char c = text_[at_];
    if (c == '#') {
      skip_line();
      return {};
    }
    if (c == '`') {
      TRY(auto ignored, quoted());
      return {};
    }
    if (!is_name_start(c)) {
      if (is_own_language_ && !is_space(c)) {
        take_own_line();
        return {};
      }
      advance();
      return {};
    }
    auto name = name_here();
    if (name == "dnl") {
      skip_line();
      return {};
    }
    return word(name);
  }

  /// A line of Sendmail's own language; the lines that go on with it are indented.
  void take_own_line() {
    std::size_t from = at_;
    std::size_t line = line_;
    skip_line();
    calls_.push_back({"", {}, line, shown(from)});
  }

  Result<void> word(std::string_view name) {
    std::size_t from = at_;
    std::size_t line = line_;
    bool begins_own = std::ranges::find(own_language, name) != own_language.end();
    bool is_call = at_ + name.size() < text_.size() && text_[at_ + name.size()] == '(';
    if (!begins_own && !is_call) {
      if (is_own_language_) {
        take_own_line();
      } else {
        at_ += name.size();
      }
      return {};
    }
    at_ += name.size();
    is_own_language_ = begins_own;
    if (!is_call) {
      calls_.push_back({std::string(name), {}, line, std::string(name)});
      return {};
    }
    ++at_;
    TRY(auto arguments, arguments_here(line));
    calls_.push_back({std::string(name), std::move(arguments), line, shown(from)});
    return {};
  }

  /// What stands between the parentheses, the opening one of which has been read.
  Result<std::vector<std::string>> arguments_here(std::size_t begun) {
    std::vector<std::string> arguments(1);
    bool is_blank_so_far = true;
    std::size_t depth = 0;
    while (at_ < text_.size()) {
      char c = text_[at_];
      if (c == '`') {
        TRY(auto inner, quoted());
        arguments.back() += inner;
        is_blank_so_far = false;
        continue;
      }
      bool is_comment = is_name_start(c) && name_here() == "dnl";
      if (is_comment) {
        skip_line();
        continue;
      }
      if (c == ')' && depth == 0) {
        ++at_;
        return arguments;
      }
      if (c == ',' && depth == 0) {
        if (arguments.size() == mc_arguments_max) {
          return error("more than " + std::to_string(mc_arguments_max) + " arguments");
        }
        arguments.emplace_back();
        is_blank_so_far = true;
        advance();
        continue;
      }
      if (c == '(') ++depth;
      if (c == ')') --depth;
      if (!is_space(c)) is_blank_so_far = false;
      if (!is_blank_so_far) arguments.back() += c == '\n' ? ' ' : c;
      advance();
    }
    line_ = begun;
    return error("a parenthesis is not closed");
  }

  /// What stands between ` and ', without the quotes within.
  Result<std::string> quoted() {
    std::size_t begun = line_;
    std::string inner;
    std::size_t depth = 0;
    while (at_ < text_.size()) {
      char c = text_[at_];
      advance();
      if (c == '`') {
        ++depth;
      } else if (c == '\'' && --depth == 0) {
        return inner;
      } else if (c != '\'') {
        inner += c == '\n' ? ' ' : c;
      }
    }
    line_ = begun;
    return error("a quote ` is not closed by '");
  }

  std::string_view text_;
  std::string file_;
  std::size_t at_ = 0;
  std::size_t line_ = 1;
  bool is_own_language_ = false;
  std::vector<McCall> calls_;
};

}  // namespace

Result<std::vector<McCall>> parse_mc(std::string_view text, const std::string& file) {
  return Parser(text, file).run();
}

}  // namespace pennypost::smtp
