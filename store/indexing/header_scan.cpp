#include "store/indexing/header_scan.h"

#include <algorithm>
#include <numeric>

#include "common/base/text.h"
#include "common/mail/address_list.h"
#include "common/mail/encoded.h"
#include "store/indexing/text_walk.h"

namespace pennypost::store {
namespace {

// Up to so many fields are compared one by one.
constexpr std::size_t few_groups = 4;

// `Name <mailbox@host>`; a group's name, or one without an address, alone.
std::string shown(const ListedAddress& address) {
  std::string out = decode_words(address.name.value_or(""));
  if (address.kind != ListedAddress::Kind::Mailbox) return out + address.mailbox.value_or("");
  if (!address.mailbox && !address.host) return out;
  out += " <" + address.mailbox.value_or("");
  if (address.host) out += '@' + *address.host;
  return out + '>';
}

}  // namespace

std::vector<std::string> HeaderKeys::texts_of(const HeaderField& field, In where) {
  if (where == In::Text) return {with_single_blanks(decode_words(field.value()))};
  std::vector<std::string> texts;
  for (const auto& address : parse_address_list(field.body)) texts.push_back(shown(address));
  return texts;
}

HeaderKeys::Number HeaderKeys::add(In where, std::string_view field, std::string_view text) {
  auto group = group_of(where, lower(field));
  std::string wanted(text);
  if (where == In::Text) wanted = with_single_blanks(std::move(wanted));
  return {group, groups_[group].keys->add(wanted)};
}

std::size_t HeaderKeys::group_of(In where, std::string_view field) {
  auto same = [&](const Group& group) { return group.field == field && group.where == where; };
  auto found = std::ranges::find_if(groups_, same);
  if (found == groups_.end()) {
    groups_.push_back({std::string(field), where, std::make_unique<KeySet>()});
    return groups_.size() - 1;
  }
  return static_cast<std::size_t>(found - groups_.begin());
}

void HeaderKeys::compile() {
  for (auto& group : groups_) group.keys->compile();
  sorted_.resize(groups_.size());
  std::iota(sorted_.begin(), sorted_.end(), std::size_t{0});
  std::ranges::sort(sorted_, {}, [this](std::size_t i) { return groups_[i].field; });
}

std::size_t HeaderKeys::octets() const {
  std::size_t total = 0;
  for (const auto& group : groups_) total += group.field.size() + group.keys->octets();
  return total;
}

HeaderScan::HeaderScan(const HeaderKeys& keys, std::string_view header)
    : scans_(keys.groups_.size()) {
  for (const auto& field : HeaderFields(header)) look_at(keys, field);
}

void HeaderScan::look_at(const HeaderKeys& keys, const HeaderField& field) {
  auto look = [&](std::size_t i) {
    const auto& group = keys.groups_[i];
    if (!scans_[i]) scans_[i].emplace(*group.keys);
    auto& scan = *scans_[i];
    if (scan.has_all()) return;
    for (const auto& text : HeaderKeys::texts_of(field, group.where)) {
      scan.feed(text);
      scan.end_text();
    }
  };
  if (keys.groups_.size() <= few_groups) {
    for (std::size_t i = 0; i < keys.groups_.size(); ++i) {
      if (field.is(keys.groups_[i].field)) look(i);
    }
    return;
  }
  auto name = lower(field.name);
  auto field_of = [&](std::size_t i) -> std::string_view { return keys.groups_[i].field; };
  std::string_view wanted = name;
  auto at = std::ranges::lower_bound(keys.sorted_, wanted, {}, field_of);
  for (; at != keys.sorted_.end() && field_of(*at) == wanted; ++at) look(*at);
}

}  // namespace pennypost::store
