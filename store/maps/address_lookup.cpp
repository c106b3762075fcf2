#include "store/maps/address_lookup.h"

#include "common/mail/address.h"

namespace pennypost::store {
namespace {

void add_domain(std::vector<LookupKey>& keys, std::string_view domain, Parents parents) {
  if (domain.ends_with('.')) domain.remove_suffix(1);
  if (domain.empty()) return;
  keys.push_back({std::string(domain), MapList::Key::Partial});
  if (domain.starts_with('[')) return;  // an address literal has no parents
  for (auto dot = domain.find('.'); dot != domain.npos; dot = domain.find('.')) {
    bool keeps_dot = parents == Parents::Dotted;
    keys.push_back({std::string(domain.substr(keeps_dot ? dot : dot + 1)), MapList::Key::Partial});
    domain.remove_prefix(dot + 1);
  }
}

}  // namespace

SplitLocalPart split_local_part(std::string_view local_part, std::string_view delimiters) {
  auto size = split_sub_address(local_part, delimiters).user.size();
  if (size == local_part.size()) return {local_part, {}, '\0'};
  return {local_part.substr(0, size), local_part.substr(size + 1), local_part[size]};
}

std::vector<LookupKey> address_keys(std::string_view local_part, std::string_view domain,
                                    std::string_view delimiters, bool domain_is_own) {
  auto [user, extension, delimiter] = split_local_part(local_part, delimiters);
  bool has_extension = delimiter != '\0';
  std::string at_domain = "@" + std::string(domain);
  std::vector<LookupKey> keys;
  auto add = [&](std::string key, MapList::Key kind, bool without_extension) {
    keys.push_back({std::move(key), kind, without_extension, false});
  };
  if (domain.empty()) {
    add(std::string(local_part), MapList::Key::Whole, false);
    if (has_extension) add(std::string(user), MapList::Key::Partial, true);
    return keys;
  }
  add(std::string(local_part) + at_domain, MapList::Key::Whole, false);
  if (has_extension) add(std::string(user) + at_domain, MapList::Key::Partial, true);
  if (domain_is_own) {
    add(std::string(local_part), MapList::Key::Partial, false);
    if (has_extension) add(std::string(user), MapList::Key::Partial, true);
  }
  keys.push_back({std::move(at_domain), MapList::Key::Partial, has_extension, true});
  return keys;
}

Result<std::optional<AddressMatch>> lookup_address(const MapList& maps, std::string_view local_part,
                                                   std::string_view domain,
                                                   std::string_view delimiters,
                                                   bool domain_is_own) {
  for (const auto& key : address_keys(local_part, domain, delimiters, domain_is_own)) {
    TRY(auto value, maps.lookup(key.text, key.kind));
    if (!value) continue;
    AddressMatch match{std::move(*value), "", key.is_catch_all};
    if (key.without_extension) {
      match.unmatched_extension =
          local_part.substr(split_local_part(local_part, delimiters).user.size());
    }
    return std::optional(std::move(match));
  }
  return std::optional<AddressMatch>();
}

std::vector<LookupKey> access_keys_of_mail(std::string_view local_part, std::string_view domain,
                                           std::string_view delimiters, Parents parents,
                                           std::string_view null_key) {
  std::vector<LookupKey> keys;
  if (local_part.empty() && domain.empty()) {
    keys.push_back({std::string(null_key), MapList::Key::Whole});
    return keys;
  }
  auto [user, extension, delimiter] = split_local_part(local_part, delimiters);
  bool has_extension = delimiter != '\0';
  std::string at_domain = domain.empty() ? "" : "@" + std::string(domain);
  keys.push_back({std::string(local_part) + at_domain, MapList::Key::Whole});
  if (has_extension) keys.push_back({std::string(user) + at_domain, MapList::Key::Partial, true});
  add_domain(keys, domain, parents);
  keys.push_back({std::string(local_part) + "@", MapList::Key::Partial});
  if (has_extension) keys.push_back({std::string(user) + "@", MapList::Key::Partial, true});
  return keys;
}

std::vector<LookupKey> access_keys_of_host(std::string_view name, Parents parents) {
  std::vector<LookupKey> keys;
  add_domain(keys, name, parents);
  if (!keys.empty()) keys.front().kind = MapList::Key::Whole;
  return keys;
}

}  // namespace pennypost::store
