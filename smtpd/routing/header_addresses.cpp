#include "smtpd/routing/header_addresses.h"

#include <algorithm>
#include <array>

#include "common/base/text.h"
#include "common/mail/address_list.h"

namespace pennypost::smtp {
namespace {

struct AddressField {
  std::string_view name;
  bool is_recipient;
};
constexpr std::array fields_with_addresses{
    AddressField{"Apparently-To", true},
    AddressField{"Bcc", true},
    AddressField{"Cc", true},
    AddressField{"Disposition-Notification-To", false},
    AddressField{"Errors-To", false},
    AddressField{"From", false},
    AddressField{"Mail-Followup-To", false},
    AddressField{"Reply-To", false},
    AddressField{"Return-Receipt-To", false},
    AddressField{"Sender", false},
    AddressField{"To", true},
};

const AddressField* find_field(std::string_view name) {
  constexpr std::string_view resent = "Resent-";
  if (starts_with_nocase(name, resent)) name.remove_prefix(resent.size());
  auto found = std::ranges::find_if(
      fields_with_addresses, [&](const AddressField& one) { return equal_nocase(one.name, name); });
  return found == fields_with_addresses.end() ? nullptr : &*found;
}

}  // namespace

HeaderAddresses::HeaderAddresses(std::string_view header, const Completion& completion,
                                 Limits limits) {
  std::size_t count = 0;
  for (const auto& field : HeaderFields(header)) {
    if (++count > limits.fields) break;
    const auto* kind = find_field(field.name);
    if (kind == nullptr || field.whole.size() > limits.field_bytes) continue;
    auto base = static_cast<std::size_t>(field.body.data() - header.data());
    for (const auto& one : parse_address_list(field.body)) {
      auto address = completion.complete(one);
      if (!address || (!one.host && !one.bare_end)) continue;
      add({address->text(), kind->is_recipient}, base + one.begin, base + one.end);
    }
  }
}

void HeaderAddresses::add(Canonicalize::Address address, std::size_t begin, std::size_t end) {
  std::pair key(address.is_recipient, address.text);
  auto known = known_.find(key);
  if (known == known_.end()) {
    if (distinct_.size() == rewritten_addresses_max) return;
    known = known_.emplace(std::move(key), distinct_.size()).first;
    distinct_.push_back(std::move(address));
  }
  places_.push_back({begin, end, known->second});
}

std::vector<Edit> HeaderAddresses::edits(const std::vector<std::string>& rewritten) const {
  std::vector<Edit> edits;
  for (const auto& place : places_) {
    if (place.which >= rewritten.size()) continue;
    const auto& text = rewritten[place.which];
    if (text == distinct_[place.which].text) continue;
    edits.push_back(Edit{place.begin, place.end - place.begin, text});
  }
  return edits;
}

}  // namespace pennypost::smtp
