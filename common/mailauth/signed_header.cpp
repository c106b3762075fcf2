#include "common/mailauth/signed_header.h"

#include "common/base/text.h"

namespace pennypost {

SignedHeader::SignedHeader(std::string_view header) {
  for (const auto& field : HeaderFields(header)) {
    if (fields_.size() == signed_fields_max) {
      is_too_long_ = true;
      break;
    }
    if (!field.name.empty()) by_name_[lower(field.name)].push_back(fields_.size());
    fields_.push_back(field);
  }
}

std::size_t SignedHeader::count(std::string_view name) const {
  auto found = by_name_.find(name);
  return found == by_name_.end() ? 0 : found->second.size();
}

void SignedHeader::add_to(Sha256& sha, Canonical form, const std::vector<std::string>& names,
                          std::size_t own) const {
  std::map<std::string_view, std::size_t> left;  // how many fields of a name were not selected yet
  for (const auto& name : names) {
    auto found = by_name_.find(name);
    if (found == by_name_.end()) continue;
    const auto& places = found->second;
    auto& rest = left.emplace(name, places.size()).first->second;
    if (rest > 0 && places[rest - 1] == own) --rest;
    if (rest == 0) continue;
    --rest;
    sha.add(canonical_field(form, fields_[places[rest]].whole));
  }
}

}  // namespace pennypost
