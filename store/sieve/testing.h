// For tests: runs scripts over messages in an environment that the test sets, and shows actions as
// short texts.
#pragma once

#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/text.h"
#include "store/sieve/checker.h"
#include "store/sieve/interpreter.h"

namespace pennypost::store::sieve {

/// Every answer is a member that a test may set.
class FakeEnvironment : public Environment {
 public:
  std::int64_t now = 1'700'000'000;  // Tue, 14 Nov 2023 22:13:20 UTC
  std::string from = "ann@far.example";
  std::string to = "bob+lists@example.org";
  std::vector<std::string> own;
  std::set<std::string> mailboxes{"INBOX"};
  std::map<std::string, std::string> special_uses;  // mailbox to use
  std::map<std::string, std::string> annotations;   // `MAILBOX NAME`
  std::set<std::string> memory;
  std::map<std::string, std::string> scripts;  // `personal NAME` or `global NAME`
  std::map<std::string, std::string> items;
  std::map<std::string, std::vector<std::string>> lists;
  std::optional<unsigned> spam;
  std::optional<unsigned> virus;
  std::map<std::string, ProgramAnswer> programs;    // by name
  mutable std::vector<std::string> programs_run{};  // `NAME ARGUMENT ... < INPUT`
  bool out_of_time = false;

  std::int64_t now_seconds() const override { return now; }
  MailDate in_local_zone(std::int64_t seconds) const override { return {seconds, 60}; }
  bool is_out_of_time() const override { return out_of_time; }
  std::string envelope_from() const override { return from; }
  std::string envelope_to() const override { return to; }
  std::vector<std::string> owner_addresses() const override { return own; }
  bool has_mailbox(const std::string& name) const override { return mailboxes.contains(name); }
  bool has_special_use(const std::string& mailbox, const std::string& use) const override {
    for (const auto& [name, has] : special_uses) {
      if (has == use && (mailbox.empty() || mailbox == name)) return true;
    }
    return false;
  }
  std::optional<std::string> annotation(const std::string& mailbox,
                                        const std::string& name) const override {
    auto found = annotations.find(mailbox + " " + name);
    return found == annotations.end() ? std::nullopt : std::optional(found->second);
  }
  bool is_remembered(const std::string& key) const override { return memory.contains(key); }
  Result<std::shared_ptr<const Script>> included(const std::string& name,
                                                 ScriptLocation location) const override {
    auto key = (location == ScriptLocation::Global ? "global " : "personal ") + name;
    auto found = scripts.find(key);
    if (found == scripts.end()) return std::shared_ptr<const Script>();
    auto compiled = compile(found->second);
    if (compiled.script) return compiled.script;
    return Error::permanent(key + ":" + compiled.mistakes.front().shown());
  }
  std::optional<std::string> item(const std::string& name) const override {
    auto found = items.find(name);
    return found == items.end() ? std::nullopt : std::optional(found->second);
  }
  bool has_list(const std::string& list) const override { return lists.contains(list); }
  Result<bool> is_listed(const std::string& list, const std::string& value) const override {
    auto found = lists.find(list);
    if (found == lists.end()) return false;
    for (const auto& member : found->second) {
      if (member == value) return true;
    }
    return false;
  }
  Result<std::vector<std::string>> members(const std::string& list) const override {
    auto found = lists.find(list);
    if (found == lists.end()) return Error::permanent("there is no list " + list);
    return found->second;
  }
  std::optional<unsigned> spam_percent() const override { return spam; }
  std::optional<unsigned> virus_level() const override { return virus; }
  ProgramAnswer run_program(const ProgramCall& call) const override {
    auto shown = call.name;
    for (const auto& argument : call.arguments) shown += " " + argument;
    programs_run.push_back(shown + " < " + std::string(call.input.substr(0, 40)));
    auto found = programs.find(call.name);
    return found == programs.end() ? Environment::run_program(call) : found->second;
  }
};

inline constexpr std::string_view message_for_test =
    "Return-Path: <ann@far.example>\n"
    "Received: from far.example by mx.example.org; Tue, 14 Nov 2023 23:00:00 +0100\n"
    "From: \"Ann Lee\" <ann@far.example>\n"
    "To: Bob <bob+lists@example.org>, carol@example.net\n"
    "Cc: dan@example.com\n"
    "Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?= from\n the sea\n"
    "Date: Tue, 14 Nov 2023 14:13:20 -0800\n"
    "Message-ID: <m1@far.example>\n"
    "X-Count: one\n"
    "X-Count: two\n"
    "X-Count: three\n"
    "X-Empty:\n"
    "\n"
    "The body says hello.\n";

inline std::string shown(const Action& action) {
  if (const auto* copy = std::get_if<FileInto>(&action)) {
    std::string text = copy->is_keep ? "keep" : "fileinto " + copy->mailbox;
    if (!copy->special_use.empty()) text += " use " + copy->special_use;
    if (copy->creates) text += " create";
    if (!copy->flags.empty()) text += " (" + join(copy->flags, " ") + ")";
    return text;
  }
  if (const auto* redirect = std::get_if<Redirect>(&action)) return "redirect " + redirect->address;
  if (const auto* reject = std::get_if<Reject>(&action)) {
    return (reject->is_extended ? "ereject " : "reject ") + reject->reason;
  }
  if (const auto* pipe = std::get_if<Pipe>(&action)) {
    auto text = "pipe " + pipe->program;
    for (const auto& argument : pipe->arguments) text += " " + argument;
    return text + (pipe->may_fail ? " try" : "") + (pipe->cancels_keep ? "" : " copy");
  }
  const auto& message = std::get<SendMessage>(action);
  return (message.is_vacation ? "vacation " : "notify ") + message.recipient;
}

/// `keep; redirect a@b`; `discard`; `1:5: what failed; keep`; mistakes as they are shown, one a
/// line.
inline std::string outcome_of(std::string_view script, const Environment& environment,
                              std::string_view message = message_for_test,
                              const RunLimits& limits = {},
                              const Extensions& offered = usual_extensions()) {
  auto compiled = compile(script, offered);
  std::string text;
  for (const auto& mistake : compiled.mistakes) text += mistake.shown() + "\n";
  if (!compiled.script) return text;
  auto outcome = run_script(*compiled.script, message, environment, limits);
  if (outcome.failure) text += outcome.failure->shown() + "; ";
  std::string between;
  for (const auto& action : outcome.actions) {
    text += between + shown(action);
    between = "; ";
  }
  if (outcome.kept_unless_piped) return text + "; else " + shown(*outcome.kept_unless_piped);
  return outcome.actions.empty() ? text + "discard" : text;
}

inline std::string outcome_of(std::string_view script) {
  return outcome_of(script, FakeEnvironment());
}

/// Whether a test is true; `require` names what it needs, as in `"body", "date"`. A mistake or
/// failure is neither: it throws the text.
inline bool is_true(std::string_view require, std::string_view test,
                    const Environment& environment = FakeEnvironment(),
                    std::string_view message = message_for_test) {
  std::string script;
  if (!require.empty()) add(script, "require [", require, "];\n");
  add(script, "if ", test, " { discard; } else { keep; }");
  auto text = outcome_of(script, environment, message);
  if (text == "discard" || text == "keep") return text == "discard";
  throw text;
}

}  // namespace pennypost::store::sieve
