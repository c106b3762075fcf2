// Walks through the tree of commands, and gathers the actions.
#include "store/sieve/run.h"

#include <algorithm>

#include "common/base/text.h"
#include "store/sieve/flag_list.h"
#include "store/sieve/utf8.h"
#include "store/sieve/variable_text.h"

namespace pennypost::store::sieve {
namespace {

constexpr std::uint64_t steps_between_looks_at_time = 1024;
constexpr std::uint64_t steps_of_include = 1000;  // reading and checking it

template <class T>
bool holds(const std::vector<Action>& actions) {
  return std::ranges::any_of(
      actions, [](const Action& action) { return std::holds_alternative<T>(action); });
}

}  // namespace

Outcome Run::outcome_of(const Script& script) {
  Frame frame{script, "", {}, {}, {}};
  frame_ = &frame;
  flags_ = environment_.flags();
  auto done = block(script.commands);
  if (done && keeps_implicitly_) {
    done = keep_implicitly();
    if (!done) note_failure({}, done.error().text());
  }
  if (!done) {
    outcome_.actions.clear();
    outcome_.remembered.clear();
    outcome_.kept_unless_piped.reset();
    outcome_.actions.emplace_back(FileInto{});
  }
  outcome_.steps = steps_;
  frame_ = nullptr;
  return std::move(outcome_);
}

/// What a pipe takes over is kept only if all such pipes fail.
Result<void> Run::keep_implicitly() {
  FileInto kept;
  kept.flags = flags_;
  kept.form = message_.form();
  bool is_piped = std::ranges::any_of(outcome_.actions, [](const Action& action) {
    const auto* pipe = std::get_if<Pipe>(&action);
    return pipe != nullptr && pipe->cancels_keep;
  });
  if (!is_piped) return add(std::move(kept));
  outcome_.kept_unless_piped = std::move(kept);
  return {};
}

Result<void> Run::spend(std::uint64_t steps) {
  auto before = steps_ / steps_between_looks_at_time;
  steps_ += steps;
  if (steps_ > limits_.steps) {
    return Error::permanent("the script does more than " + std::to_string(limits_.steps) +
                            " steps for one message");
  }
  if (steps_ / steps_between_looks_at_time != before && environment_.is_out_of_time()) {
    return Error::permanent("the script takes too long");
  }
  return {};
}

// ---------------------------------------------------------------------------------------------
// Strings and variables

std::string Run::text(const Text& string) const {
  if (!string.has_variables) return string.text;
  std::string out;
  std::size_t done = 0;
  for (auto found = find_variable(string.text, 0); found;
       found = find_variable(string.text, found->end)) {
    out.append(string.text, done, found->begin - done);
    if (found->number) {
      const auto& values = frame_->match_variables;
      if (*found->number < values.size()) out += values[*found->number];
    } else {
      out += variable(found->space.empty() ? found->name : found->space + "." + found->name);
    }
    done = found->end;
    if (out.size() > expanded_bytes_max) break;
  }
  out.append(string.text, done);
  cut_utf8(out, expanded_bytes_max);
  return out;
}

std::string Run::text_after(const Command& command, Tag tag) const {
  const auto* argument = command.find(tag);
  return argument == nullptr ? "" : text(*argument);
}

/// The map in which a variable lies, and its name there.
std::pair<std::map<std::string, std::string, std::less<>>*, std::string> Run::place_of(
    std::string_view name) {
  auto folded = lower(name);
  if (folded.starts_with("global.")) return {&globals_, folded.substr(7)};
  if (frame_->globals.contains(folded)) return {&globals_, folded};
  return {&frame_->variables, folded};
}

std::string Run::variable(std::string_view name) const {
  auto [map, key] = const_cast<Run*>(this)->place_of(name);
  auto found = map->find(key);
  return found == map->end() ? "" : found->second;
}

Result<void> Run::set_variable(std::string_view name, std::string value) {
  cut_utf8(value, variable_value_bytes_max);
  auto [map, key] = place_of(name);
  if (!map->contains(key) && map->size() == variables_max) {
    return Error::permanent("more than " + std::to_string(variables_max) + " variables");
  }
  (*map)[key] = std::move(value);
  return {};
}

void Run::make_global(std::string_view name) { frame_->globals.insert(lower(name)); }

void Run::set_match_variables(std::vector<std::string> values) {
  frame_->match_variables = std::move(values);
}

// ---------------------------------------------------------------------------------------------
// The flow of control

void Run::note_failure(Position at, const std::string& text) {
  if (!outcome_.failure) outcome_.failure = RunFailure{frame_->name, {at, text}};
}

Result<void> Run::block(const std::vector<Command>& commands) {
  bool is_chain_done = false;
  for (const auto& command : commands) {
    auto done = run_command(command, is_chain_done);
    if (!done) {
      note_failure(command.at, done.error().text());
      return done;
    }
    if (flow_ != Flow::Next) break;
  }
  return {};
}

Result<void> Run::run_command(const Command& command, bool& is_chain_done) {
  TRY_DO(spend(1));
  if (command.row->action != nullptr) return command.row->action(*this, command);
  if (command.row->kind == CommandKind::ForEveryPart) return every_part(command);
  return branch(command, is_chain_done);
}

/// RFC 5228 section 3.1
Result<void> Run::branch(const Command& command, bool& is_chain_done) {
  if (command.row->kind == CommandKind::If) is_chain_done = false;
  if (is_chain_done) return {};
  if (!command.tests.empty()) {
    TRY(bool is_true, test(command.tests[0]));
    if (!is_true) return {};
  }
  is_chain_done = true;
  return block(command.block);
}

Result<bool> Run::test(const Command& test) {
  auto paid = spend(1);
  auto answer = paid ? test.row->test(*this, test) : Result<bool>(std::move(paid).error());
  if (!answer) note_failure(test.at, answer.error().text());
  return answer;
}

namespace {

/// All parts within a part, in their order.
void gather_parts(const MimePart& part, std::vector<const MimePart*>& out) {
  for (const auto& child : part.children) {
    out.push_back(&child);
    gather_parts(child, out);
  }
}

}  // namespace

/// RFC 5703 section 3: an inner loop looks at the parts within the outer one's.
Result<void> Run::every_part(const Command& command) {
  std::vector<const MimePart*> parts;
  auto text = text_of_part();
  auto version = version_of_part();
  if (part() == nullptr) parts.push_back(&message_.root());
  gather_parts(part() == nullptr ? message_.root() : *part(), parts);
  loops_.push_back({nullptr, text_after(command, Tag::Name), text, version});
  auto depth = loops_.size();
  TRY_DO(spend(parts.size()));
  for (const auto* each : parts) {
    // RFC 5703 section 5: what a script has replaced is not looked at.
    if (!message_.offset_now(each->header.offset, version)) continue;
    loops_.back().part = each;
    TRY_DO(block(command.block));
    if (flow_ == Flow::Next) continue;
    bool is_ours =
        flow_ == Flow::Break && (leaving_loop_.empty() || loops_.back().name == leaving_loop_);
    if (is_ours) flow_ = Flow::Next;
    break;
  }
  loops_.resize(depth - 1);
  return {};
}

Result<void> Run::leave_loop(const std::string& name) {
  bool is_known = name.empty() || std::ranges::find(loops_, name, &Loop::name) != loops_.end();
  if (!is_known) return Error::permanent("there is no foreverypart named \"" + name + "\" here");
  leaving_loop_ = name;
  flow_ = Flow::Break;
  return {};
}

Result<void> Run::include(const Script& script, const std::string& name) {
  TRY_DO(spend(steps_of_include));
  if (depth_ == include_nesting_max) {
    return Error::permanent("scripts include each other deeper than " +
                            std::to_string(include_nesting_max));
  }
  Frame frame{script, name, {}, {}, {}};
  auto* caller = std::exchange(frame_, &frame);
  auto loops = std::exchange(loops_, {});
  ++depth_;
  auto done = block(script.commands);
  --depth_;
  loops_ = std::move(loops);
  frame_ = caller;
  if (flow_ == Flow::Return) flow_ = Flow::Next;
  return done;
}

Result<void> Run::note_included(const std::string& key) {
  included_.insert(key);
  if (included_.size() > includes_max) {
    return Error::permanent("more than " + std::to_string(includes_max) + " scripts are included");
  }
  return {};
}

// ---------------------------------------------------------------------------------------------
// Actions

Result<void> Run::room_for_action() const {
  if (outcome_.actions.size() < limits_.actions) return {};
  return Error::permanent("the script takes more than " + std::to_string(limits_.actions) +
                          " actions for one message");
}

/// RFC 5228 section 2.10.3: one copy for each mailbox.
Result<void> Run::add(FileInto copy) {
  if (holds<Reject>(outcome_.actions)) {
    return Error::permanent("a message that is rejected can't be kept or filed as well");
  }
  for (auto& action : outcome_.actions) {
    auto* other = std::get_if<FileInto>(&action);
    if (other == nullptr || other->special_use != copy.special_use) continue;
    bool is_same = other->is_keep == copy.is_keep && other->mailbox == copy.mailbox;
    bool both_inbox = equal_nocase(other->mailbox, "INBOX") && equal_nocase(copy.mailbox, "INBOX");
    if (!is_same && !both_inbox) continue;
    for (const auto& flag : copy.flags) add_flags(other->flags, flag);
    other->creates = other->creates || copy.creates;
    return {};
  }
  TRY_DO(room_for_action());
  outcome_.actions.emplace_back(std::move(copy));
  return {};
}

Result<void> Run::add(Redirect redirect) {
  if (holds<Reject>(outcome_.actions)) {
    return Error::permanent("a message that is rejected can't be redirected as well");
  }
  for (const auto& action : outcome_.actions) {
    const auto* other = std::get_if<Redirect>(&action);
    if (other != nullptr && other->address == redirect.address) return {};
  }
  if (redirects_ == limits_.redirects) {
    return Error::permanent("the script redirects a message to more than " +
                            std::to_string(limits_.redirects) + " addresses");
  }
  TRY_DO(room_for_action());
  ++redirects_;
  outcome_.actions.emplace_back(std::move(redirect));
  return {};
}

/// RFC 5429 section 2.3
Result<void> Run::add(Reject reject) {
  for (const auto& action : outcome_.actions) {
    const auto* message = std::get_if<SendMessage>(&action);
    if (message == nullptr || message->is_vacation) {
      return Error::permanent(
          std::holds_alternative<Reject>(action)
              ? "a message can be rejected only once"
              : "a message that is kept, filed, redirected, piped or answered can't be rejected as "
                "well");
    }
  }
  TRY_DO(room_for_action());
  outcome_.actions.emplace_back(std::move(reject));
  return {};
}

Result<void> Run::add(SendMessage message) {
  if (message.is_vacation && holds<Reject>(outcome_.actions)) {
    return Error::permanent("a message that is rejected can't be answered by vacation as well");
  }
  TRY_DO(room_for_action());
  outcome_.actions.emplace_back(std::move(message));
  return {};
}

/// A program may get a message once: that of the first pipe.
Result<void> Run::add(Pipe pipe) {
  if (holds<Reject>(outcome_.actions)) {
    return Error::permanent("a message that is rejected can't be piped as well");
  }
  for (const auto& action : outcome_.actions) {
    const auto* other = std::get_if<Pipe>(&action);
    if (other != nullptr && other->program == pipe.program) {
      return Error::permanent("a message can be piped to the program \"" + pipe.program +
                              "\" only once");
    }
  }
  TRY_DO(room_for_action());
  outcome_.actions.emplace_back(std::move(pipe));
  return {};
}

Result<void> Run::note_program() {
  if (programs_++ < programs_max) return {};
  return Error::permanent("the script runs more than " + std::to_string(programs_max) +
                          " programs for one message");
}

Result<void> Run::note_vacation() {
  if (std::exchange(had_vacation_, true)) {
    return Error::permanent("vacation can answer a message only once");
  }
  return {};
}

void Run::remember(std::string key, std::uint64_t seconds) {
  outcome_.remembered.push_back({std::move(key), std::min(seconds, remember_seconds_max)});
}

}  // namespace pennypost::store::sieve
