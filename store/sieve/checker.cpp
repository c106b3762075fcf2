// Walks through what was parsed, row by row of the command table.
#include "store/sieve/checker.h"

#include <utility>

#include "common/base/text.h"
#include "common/config/nearest.h"
#include "store/sieve/argument_checks.h"
#include "store/sieve/argument_kinds.h"
#include "store/sieve/certain_value.h"
#include "store/sieve/limits.h"
#include "store/sieve/match_check.h"
#include "store/sieve/parser.h"
#include "store/sieve/variable_text.h"

namespace pennypost::store::sieve {
namespace {

std::string quoted(std::string_view name) { return "\"" + std::string(name) + "\""; }

class Checker {
 public:
  Checker(const Extensions& offered, CompiledScript& result)
      : result_(result), script_(std::make_shared<Script>()), checking_(*script_, result.mistakes) {
    script_->offered = offered;
  }

  void run(const std::vector<WrittenCommand>& commands) {
    block(commands, script_->commands);
    if (result_.mistakes.empty()) result_.script = std::move(script_);
  }

 private:
  void wrong(Position at, std::string text) { checking_.wrong(at, std::move(text)); }

  void block(const std::vector<WrittenCommand>& commands, std::vector<Command>& out) {
    bool may_continue_if = false;
    for (const auto& written : commands) {
      if (result_.mistakes.size() >= mistakes_max) return;
      const auto* row = row_of(written, false);
      if (row == nullptr) {
        may_continue_if = written.name == "if" || written.name == "elsif";
        continue;
      }
      bool continues = row->kind == CommandKind::ElseIf || row->kind == CommandKind::Else;
      if (continues && !may_continue_if) {
        wrong(written.at, written.name + " must follow the block of an if or elsif");
      }
      may_continue_if = row->kind == CommandKind::If || row->kind == CommandKind::ElseIf;
      if (row->kind == CommandKind::Require) {
        require(written);
        continue;
      }
      if (written.name != "global") checking_.is_before_all_actions = false;
      Command command;
      fill(written, *row, command);
      out.push_back(std::move(command));
    }
  }

  /// RFC 5228 section 3.2: require stands before all other commands.
  void require(const WrittenCommand& written) {
    if (!checking_.is_before_all_actions) {
      wrong(written.at, "require must stand before all other commands");
    }
    Command command;
    command.row = find_command("require");
    arguments(written, command);
    forbid_tests_and_block(written, *command.row);
    for (const auto& argument : command.arguments) {
      for (const auto& name : argument.strings) {
        auto extension = find_extension(name.text);
        if (extension && script_->offered.has(*extension)) {
          if (*extension != Extension::None) script_->extensions.add(*extension);
          continue;
        }
        wrong(name.at, unknown_extension(name.text, extension.has_value()));
      }
    }
  }

  std::string unknown_extension(const std::string& name, bool exists) const {
    if (exists) return "the extension " + quoted(name) + " is not offered here";
    return "there is no extension " + quoted(printable(name)) +
           nearest_hint(name, extension_names(script_->offered), std::identity());
  }

  /// Null, and a mistake, if the name is unknown or not of this kind.
  const CommandRow* row_of(const WrittenCommand& written, bool is_test) {
    const auto* row = find_command(written.name);
    std::string what = is_test ? "test" : "command";
    if (row == nullptr) {
      wrong(written.at, "there is no " + what + " " + quoted(written.name) +
                            nearest_hint(written.name, command_rows(), &CommandRow::name));
      return nullptr;
    }
    if (is_test ? !row->may_be_test() : row->is_test()) {
      wrong(written.at, quoted(written.name) + (is_test ? " is a command, not a test"
                                                        : " is a test; write if " + written.name));
      return nullptr;
    }
    return has(row->extension, written.at, written.name) ? row : nullptr;
  }

  bool has(Extension extension, Position at, std::string_view name) {
    if (extension == Extension::None || script_->extensions.has(extension)) return true;
    wrong(at, std::string(name) + " needs require " + quoted(name_of(extension)));
    return false;
  }

  void fill(const WrittenCommand& written, const CommandRow& row, Command& out) {
    out.row = &row;
    out.at = written.at;
    auto before = result_.mistakes.size();
    arguments(written, out);
    forbid_tests_and_block(written, row);
    for (const auto& test : written.tests) {
      // RFC 5463 section 4: tests behind an ihave that is false are not made, so they may be
      // unknown.
      if (row.name == "allof" && !out.tests.empty() && is_false(out.tests.back())) break;
      const auto* test_row = row_of(test, true);
      if (test_row != nullptr && row.tests != TestsWanted::None) {
        fill(test, *test_row, out.tests.emplace_back());
      }
    }
    if (result_.mistakes.size() == before) {
      check_match(checking_, out);
      if (row.check != nullptr) row.check(checking_, out);
    }
    if (!row.takes_block() || is_never_run(out)) return;
    if (row.kind == CommandKind::ForEveryPart) ++checking_.loops;
    if (checking_.loops > part_nesting_max) {
      wrong(written.at, "foreverypart is nested deeper than " + std::to_string(part_nesting_max));
    }
    bool is_decided = std::exchange(is_chain_decided_, false);
    block(written.block, out.block);
    is_chain_decided_ = is_decided;
    if (row.kind == CommandKind::ForEveryPart) --checking_.loops;
  }

  void forbid_tests_and_block(const WrittenCommand& written, const CommandRow& row) {
    if (row.takes_block() && !written.has_block) {
      wrong(written.at, written.name + " needs a block: " + written.name + " ... { ... }");
    } else if (!row.takes_block() && written.has_block) {
      wrong(written.at, written.name + " takes no block; end it with \";\"");
    }
    if (row.tests == TestsWanted::None && !written.tests.empty()) {
      wrong(written.tests[0].at, written.name + " takes no test");
    } else if (row.tests == TestsWanted::One &&
               (written.tests.size() != 1 || written.has_test_list)) {
      wrong(written.at, written.name + " takes one test; anyof (...) and allof (...) join several");
    } else if (row.tests == TestsWanted::List && !written.has_test_list) {
      wrong(written.at, written.name + " takes a list of tests in parentheses");
    }
  }

  /// RFC 5228 section 2.6: tags come before the positional arguments.
  void arguments(const WrittenCommand& written, Command& out) {
    std::vector<const WrittenArgument*> positional;
    for (std::size_t i = 0; i < written.arguments.size(); ++i) {
      const auto& given = written.arguments[i];
      if (given.kind != WrittenArgument::Kind::Tag) {
        positional.push_back(&given);
        continue;
      }
      if (!positional.empty()) {
        wrong(given.at, "the tag :" + given.tag + " must stand before the other arguments");
      }
      const WrittenArgument* next =
          i + 1 < written.arguments.size() ? &written.arguments[i + 1] : nullptr;
      if (tag(written, given, next, out)) ++i;
    }
    std::size_t wanted = 0;
    std::size_t needed = 0;
    for (auto kind : out.row->arguments) {
      if (kind == ArgumentKind::None) continue;
      ++wanted;
      if (!is_optional(kind)) ++needed;
    }
    if (positional.size() < needed || positional.size() > wanted) {
      wrong(written.at, written.name + " takes " + shown_arguments(*out.row) + ", not " +
                            std::to_string(positional.size()) + " arguments");
      return;
    }
    std::size_t next = 0;
    for (auto kind : out.row->arguments) {
      if (kind == ArgumentKind::None) continue;
      auto& argument = out.arguments.emplace_back();
      if (is_optional(kind) && positional.size() < wanted) continue;
      if (fits(kind, *positional[next])) {
        argument = value(kind, *positional[next]);
      } else {
        wrong(positional[next]->at, "argument " + std::to_string(next + 1) + " of " + written.name +
                                        " must be " + std::string(wanted_text(kind)));
      }
      ++next;
    }
  }

  static std::string shown_arguments(const CommandRow& row) {
    std::string shown;
    for (auto kind : row.arguments) {
      if (kind == ArgumentKind::None) continue;
      if (!shown.empty()) shown += ", ";
      shown += wanted_text(kind);
      if (is_optional(kind)) shown += " (may be left out)";
    }
    return shown.empty() ? "no arguments" : shown;
  }

  /// Returns whether `next` was the tag's value.
  bool tag(const WrittenCommand& written, const WrittenArgument& given, const WrittenArgument* next,
           Command& out) {
    const auto* row = out.row->find_tag(given.tag);
    if (row == nullptr) {
      wrong(given.at, written.name + " takes no tag :" + given.tag);
      return false;
    }
    has(row->extension, given.at, ":" + given.tag);
    for (const auto& other : out.tags) {
      bool is_rival = row->group != TagGroup::Own && other.row->group == row->group;
      if (other.row->tag != row->tag && !is_rival) continue;
      wrong(given.at, ":" + given.tag + " can't stand beside :" + std::string(other.row->name));
    }
    TagValue value_of_tag;
    value_of_tag.row = row;
    value_of_tag.value.at = given.at;
    bool takes_next = row->value != ArgumentKind::None;
    if (takes_next && (next == nullptr || !fits(row->value, *next))) {
      wrong(given.at,
            ":" + given.tag + " must be followed by " + std::string(wanted_text(row->value)));
      return false;
    }
    if (takes_next) value_of_tag.value = value(row->value, *next);
    out.tags.push_back(std::move(value_of_tag));
    return takes_next;
  }

  Argument value(ArgumentKind kind, const WrittenArgument& given) {
    Argument argument;
    argument.kind = kind;
    argument.at = given.at;
    argument.number = given.number;
    for (const auto& string : given.strings) argument.strings.push_back(text(string));
    return argument;
  }

  Text text(const WrittenString& written) {
    Text out{written.text, false, written.at};
    if (script_->extensions.has(Extension::EncodedCharacter)) {
      auto decoded = decode_encoded_characters(out.text);
      if (!decoded) wrong(written.at, decoded.error().text());
      if (decoded) out.text = *std::move(decoded);
    }
    if (!script_->extensions.has(Extension::Variables)) return out;
    for (auto found = find_variable(out.text, 0); found;
         found = find_variable(out.text, found->end)) {
      out.has_variables = true;
      bool has_space = found->space.empty() ||
                       (found->space == "global" && script_->extensions.has(Extension::Include));
      if (!has_space) {
        wrong(written.at, "there is no namespace " + quoted(found->space) + " of variables here");
      }
      if (found->number && *found->number >= match_variables_max) {
        wrong(written.at,
              "match variables go from ${0} to ${" + std::to_string(match_variables_max - 1) + "}");
      }
    }
    return out;
  }

  /// RFC 5463 section 4: what an `ihave` that is false guards may be unknown here.
  bool is_never_run(const Command& command) {
    if (!script_->extensions.has(Extension::Ihave)) return false;
    bool is_first = command.row->kind == CommandKind::If;
    if (!is_first && is_chain_decided_) return true;
    auto known =
        command.tests.size() == 1 ? certain_value(command.tests[0], *script_) : std::nullopt;
    is_chain_decided_ = known == true;
    return known == false;
  }

  bool is_false(const Command& test) const {
    return script_->extensions.has(Extension::Ihave) && certain_value(test, *script_) == false;
  }

  CompiledScript& result_;
  std::shared_ptr<Script> script_;
  Checking checking_;
  bool is_chain_decided_ = false;  // an if or elsif before this one is true for certain
};

}  // namespace

CompiledScript compile(std::string_view text, const Extensions& offered) {
  CompiledScript result;
  auto parsed = parse_script(text);
  result.mistakes = std::move(parsed.mistakes);
  if (result.mistakes.empty()) Checker(offered, result).run(parsed.commands);
  return result;
}

}  // namespace pennypost::store::sieve
