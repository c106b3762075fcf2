// Looks for a command's tags.
#include "store/sieve/script.h"

namespace pennypost::store::sieve {

const Argument* Command::find(Tag tag) const {
  for (const auto& given : tags) {
    if (given.row->tag == tag) return &given.value;
  }
  return nullptr;
}

std::optional<Tag> Command::of_group(TagGroup group) const {
  for (const auto& given : tags) {
    if (given.row->group == group) return given.row->tag;
  }
  return std::nullopt;
}

}  // namespace pennypost::store::sieve
