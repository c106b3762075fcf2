// Finds fields in the edited header and in parts.
#include "store/sieve/field_values.h"

#include "common/base/text.h"
#include "common/mail/encoded.h"
#include "common/mail/header.h"

namespace pennypost::store::sieve {
namespace {

void add_of_part(Run& run, std::string_view text, const MimePart& part, std::string_view name,
                 bool with_children, std::vector<std::string_view>& out) {
  if (&part == &run.message().root()) {
    // The script may have changed the message's own header.
    for (auto body : run.message().bodies(name)) out.push_back(body);
  } else {
    for (const auto& field : HeaderFields(text.substr(part.header.offset, part.header.bytes))) {
      if (equal_nocase(field.name, name)) out.push_back(field.body);
    }
  }
  if (!with_children) return;
  for (const auto& child : part.children) add_of_part(run, text, child, name, true, out);
}

}  // namespace

std::vector<std::string_view> field_bodies(Run& run, const Command& test, std::string_view name) {
  std::vector<std::string_view> bodies;
  if (test.has(Tag::Mime)) {
    const auto* part = run.part() == nullptr ? &run.message().root() : run.part();
    add_of_part(run, run.text_of_part(), *part, name, test.has(Tag::AnyChild), bodies);
  } else {
    bodies = run.message().bodies(name);
  }
  const auto* index = test.find(Tag::Index);
  if (index == nullptr) return bodies;
  if (index->number == 0 || index->number > bodies.size()) return {};
  auto at = test.has(Tag::Last) ? bodies.size() - index->number : index->number - 1;
  return {bodies[at]};
}

std::string shown_value(std::string_view body) { return decode_words(trim(unfold(body))); }

}  // namespace pennypost::store::sieve
