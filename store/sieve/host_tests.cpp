// The tests whose answers the host gives: mailboxes, annotations, lists, filters, duplicates.
//
// STANDARDS  RFC 5183, RFC 5235, RFC 5490, RFC 6134, RFC 7352, RFC 8579
#include <algorithm>

#include "common/base/text.h"
#include "store/sieve/field_values.h"
#include "store/sieve/handlers.h"
#include "store/sieve/matching.h"

namespace pennypost::store::sieve {
namespace {

Result<bool> is_one(Run& run, const Command& test, const std::optional<std::string>& value) {
  Matching matching(run, test);
  if (value) {
    TRY(bool is_match, matching.value(*value));
    if (is_match) return true;
  }
  return matching.end();
}

bool has_annotations(Run& run, const std::string& mailbox, const Argument& names) {
  for (const auto& name : names.strings) {
    if (!run.environment().annotation(mailbox, run.text(name))) return false;
  }
  return true;
}

/// What identifies the message; nothing if it has no such field.
std::optional<std::string> message_key(Run& run, const Command& test) {
  if (const auto* id = test.find(Tag::UniqueId)) return run.text(*id);
  std::string field = test.has(Tag::Header) ? run.text_after(test, Tag::Header) : "Message-ID";
  auto bodies = run.message().bodies(field);
  if (bodies.empty()) return std::nullopt;
  auto value = shown_value(bodies.front());
  return value.empty() ? std::nullopt : std::optional(value);
}

}  // namespace

/// RFC 7352 section 3
Result<bool> duplicate(Run& run, const Command& test) {
  auto id = message_key(run, test);
  if (!id) return false;
  const auto* seconds = test.find(Tag::Seconds);
  const auto& limits = run.limits();
  auto period = seconds == nullptr ? limits.duplicate_seconds_default : seconds->number;
  period = std::min(period, limits.duplicate_seconds_max);
  // The size keeps handle and id apart, whatever they contain.
  auto handle = run.text_after(test, Tag::Handle);
  auto key = "duplicate:" + std::to_string(handle.size()) + ":" + handle + *id;
  bool is_known = run.environment().is_remembered(key);
  if (period > 0 && (!is_known || test.has(Tag::Last))) run.remember(std::move(key), period);
  return is_known;
}

Result<bool> environment(Run& run, const Command& test) {
  auto value = run.environment().item(lower(run.text(test.arguments[0])));
  // RFC 5183 section 4: an unknown item matches nothing, and is not counted.
  if (!value) return false;
  return is_one(run, test, value);
}

Result<bool> mailboxexists(Run& run, const Command& test) {
  for (const auto& name : test.arguments[0].strings) {
    TRY_DO(run.spend(1));
    if (!run.environment().has_mailbox(run.text(name))) return false;
  }
  return true;
}

Result<bool> specialuse_exists(Run& run, const Command& test) {
  auto mailbox = test.arguments[0].is_given() ? run.text(test.arguments[0]) : "";
  for (const auto& use : test.arguments[1].strings) {
    TRY_DO(run.spend(1));
    if (!run.environment().has_special_use(mailbox, run.text(use))) return false;
  }
  return true;
}

Result<bool> metadata(Run& run, const Command& test) {
  return is_one(
      run, test,
      run.environment().annotation(run.text(test.arguments[0]), run.text(test.arguments[1])));
}

Result<bool> metadataexists(Run& run, const Command& test) {
  return has_annotations(run, run.text(test.arguments[0]), test.arguments[1]);
}

Result<bool> servermetadata(Run& run, const Command& test) {
  return is_one(run, test, run.environment().annotation("", run.text(test.arguments[0])));
}

Result<bool> servermetadataexists(Run& run, const Command& test) {
  return has_annotations(run, "", test.arguments[0]);
}

Result<bool> valid_ext_list(Run& run, const Command& test) {
  for (const auto& list : test.arguments[0].strings) {
    TRY_DO(run.spend(1));
    if (!run.environment().has_list(run.text(list))) return false;
  }
  return true;
}

/// RFC 5235 section 3.2: 0 is not tested, 1 no spam, 10 certainly spam; with :percent 0 to 100.
Result<bool> spamtest(Run& run, const Command& test) {
  auto percent = run.environment().spam_percent();
  if (percent) percent = std::min(*percent, 100U);
  if (test.has(Tag::Percent)) {
    // RFC 5235 section 3.3: a message that was not tested has no value, and :count sees that.
    return is_one(run, test, percent ? std::optional(std::to_string(*percent)) : std::nullopt);
  }
  return is_one(run, test, std::to_string(percent ? 1 + *percent * 9 / 100 : 0));
}

Result<bool> virustest(Run& run, const Command& test) {
  return is_one(run, test,
                std::to_string(std::min(run.environment().virus_level().value_or(0), 5U)));
}

}  // namespace pennypost::store::sieve
