// Run: the state of one run of a script, which handlers read and change.
//
// SEE ALSO   interpreter.h (who makes it), handlers.h (who uses it)
#pragma once

#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"
#include "store/sieve/actions.h"
#include "store/sieve/edited_message.h"
#include "store/sieve/environment.h"
#include "store/sieve/limits.h"
#include "store/sieve/script.h"

namespace pennypost::store::sieve {

class Run {
 public:
  Run(std::string_view message, const Environment& environment, const RunLimits& limits)
      : environment_(environment), limits_(limits), message_(message) {}

  /// The whole run of a script; called once.
  Outcome outcome_of(const Script& script);

  const Environment& environment() const { return environment_; }
  const RunLimits& limits() const { return limits_; }
  EditedMessage& message() { return message_; }
  bool has(Extension extension) const { return extensions().has(extension); }
  const Extensions& extensions() const { return frame_->script.extensions; }
  const Extensions& offered() const { return frame_->script.offered; }

  /// Counts `steps` of work. Error: there were too many, or the time is over.
  Result<void> spend(std::uint64_t steps);

  // Strings and variables.

  /// The string with its variables' values.
  std::string text(const Text& string) const;
  /// The first string of an argument.
  std::string text(const Argument& argument) const { return text(argument.strings.at(0)); }
  /// The string after a tag; empty if the tag is absent.
  std::string text_after(const Command& command, Tag tag) const;
  /// A variable's value; empty if it was never set. `name` as it is written.
  std::string variable(std::string_view name) const;
  /// Error: there are too many variables. A value beyond variable_value_bytes_max is cut.
  Result<void> set_variable(std::string_view name, std::string value);
  /// RFC 6609 section 3.4.1: `name` means the variable that all scripts share.
  void make_global(std::string_view name);
  void set_match_variables(std::vector<std::string> values);
  /// RFC 5232: the flags for what is kept from now on.
  std::vector<std::string>& flags() { return flags_; }

  // The flow of control.

  Result<void> block(const std::vector<Command>& commands);
  Result<bool> test(const Command& test);
  enum class Flow { Next, Break, Return, Stop };
  void leave(Flow flow) { flow_ = flow; }
  /// Leaves the foreverypart of that name; empty: the innermost. Error: there is none.
  Result<void> leave_loop(const std::string& name);
  /// The part that the innermost foreverypart looks at; null outside.
  const MimePart* part() const { return loops_.empty() ? nullptr : loops_.back().part; }
  /// The text that part() lies in, and its version; outside of loops the message's.
  std::string_view text_of_part() const {
    return loops_.empty() ? message_.text() : loops_.back().text;
  }
  std::size_t version_of_part() const {
    return loops_.empty() ? message_.version() : loops_.back().version;
  }
  /// RFC 6609 section 3.1. Error: nested too deep, or what the script's own run gives.
  Result<void> include(const Script& script, const std::string& name);
  /// Whether a script was included before.
  bool was_included(const std::string& key) const { return included_.contains(key); }
  /// Error: too many scripts.
  Result<void> note_included(const std::string& key);

  // Actions. Each Error says which limit or rule is broken.

  Result<void> add(FileInto copy);
  Result<void> add(Redirect redirect);
  Result<void> add(Reject reject);
  Result<void> add(SendMessage message);
  Result<void> add(Pipe pipe);
  void remember(std::string key, std::uint64_t seconds);
  /// RFC 5230 section 4.7: vacation may be done once. Error: it is the second time.
  Result<void> note_vacation();
  void cancel_implicit_keep() { keeps_implicitly_ = false; }
  /// A program is to be run now. Error: the script has run too many.
  Result<void> note_program();

 private:
  /// A script that runs: the one that was started, or one that was included.
  struct Frame {
    const Script& script;
    std::string name;
    std::map<std::string, std::string, std::less<>> variables;
    std::set<std::string, std::less<>> globals;
    std::vector<std::string> match_variables;
  };
  struct Loop {
    const MimePart* part;
    std::string name;
    std::string_view text;
    std::size_t version;
  };
  Result<void> run_command(const Command& command, bool& is_chain_done);
  Result<void> branch(const Command& command, bool& is_chain_done);
  Result<void> every_part(const Command& command);
  Result<void> room_for_action() const;
  Result<void> keep_implicitly();
  void note_failure(Position at, const std::string& text);
  std::pair<std::map<std::string, std::string, std::less<>>*, std::string> place_of(
      std::string_view name);

  const Environment& environment_;
  RunLimits limits_;
  EditedMessage message_;
  std::uint64_t steps_ = 0;
  Frame* frame_ = nullptr;
  std::size_t depth_ = 0;  // of includes
  std::set<std::string> included_;
  std::map<std::string, std::string, std::less<>> globals_;
  std::vector<std::string> flags_;
  std::vector<Loop> loops_;
  std::string leaving_loop_;
  Flow flow_ = Flow::Next;
  bool keeps_implicitly_ = true;
  bool had_vacation_ = false;
  std::size_t redirects_ = 0;
  std::size_t programs_ = 0;
  Outcome outcome_;
};

}  // namespace pennypost::store::sieve
