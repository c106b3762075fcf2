// Handlers of addheader and deleteheader.
//
// Received, Auto-Submitted, Return-Path, Delivered-To and X-Original-To can't be removed: they stop
// loops of mail. Subject may be; RFC 5293 section 4 leaves the list to us.
//
// STANDARDS  RFC 5293
#include <algorithm>
#include <array>

#include "common/base/text.h"
#include "store/sieve/field_values.h"
#include "store/sieve/handlers.h"
#include "store/sieve/limits.h"
#include "store/sieve/matching.h"

namespace pennypost::store::sieve {
namespace {

constexpr std::array protected_fields{
    std::string_view("auto-submitted"), std::string_view("delivered-to"),
    std::string_view("received"),       std::string_view("return-path"),
    std::string_view("x-original-to"),
};

bool is_protected(std::string_view name) {
  return std::ranges::find(protected_fields, lower(name)) != protected_fields.end();
}

Result<std::string> field_name(Run& run, const Argument& argument) {
  auto name = run.text(argument);
  if (is_field_name(name)) return name;
  return Error::permanent("\"" + printable(name, 100) + "\" is no name of a header field");
}

}  // namespace

Result<void> addheader(Run& run, const Command& command) {
  TRY(auto name, field_name(run, command.arguments[0]));
  if (run.message().added() == header_edits_max) {
    return Error::permanent("more than " + std::to_string(header_edits_max) +
                            " header fields are added");
  }
  auto value = run.text(command.arguments[1]);
  std::erase_if(value, [](char c) { return c == '\0'; });
  run.message().add_field(name, " " + std::string(trim(value)), command.has(Tag::Last));
  return {};
}

Result<void> deleteheader(Run& run, const Command& command) {
  TRY(auto name, field_name(run, command.arguments[0]));
  if (is_protected(name)) return {};
  auto bodies = run.message().bodies(name);
  std::vector<std::size_t> removed;
  const auto* index = command.find(Tag::Index);
  for (std::size_t at = 0; at < bodies.size(); ++at) {
    auto number = command.has(Tag::Last) ? bodies.size() - at : at + 1;
    if (index != nullptr && index->number != number) continue;
    if (command.arguments[1].is_given()) {
      Matching matching(run, command);
      TRY(bool is_match, matching.value(shown_value(bodies[at])));
      if (!is_match) {
        TRY(is_match, matching.end());
      }
      if (!is_match) continue;
    }
    removed.push_back(at);
  }
  for (auto at = removed.rbegin(); at != removed.rend(); ++at) {
    run.message().remove_field(name, *at);
  }
  return {};
}

}  // namespace pennypost::store::sieve
