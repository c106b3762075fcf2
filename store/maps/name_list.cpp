#include "store/maps/name_list.h"

#include <algorithm>

#include "common/base/text.h"
#include "common/config/tables.h"
#include "common/mail/address.h"
#include "store/maps/source.h"

namespace pennypost::store {
namespace {

/// Domain::key(), or the name in lower case if it is not a domain.
std::string normal_form(std::string_view name) {
  bool is_below = name.starts_with('.');
  auto domain = Domain::parse(is_below ? name.substr(1) : name, Utf8::Allowed);
  if (!domain) return lower(name);
  return (is_below ? "." : "") + domain->key();
}

}  // namespace

Result<NameList> NameList::parse(std::string_view text, const std::string& file) {
  NameList list;
  std::size_t number = 0;
  for (auto line : split(text, '\n')) {
    ++number;
    for (auto word : words(line, " \t\r,")) {
      if (word.starts_with('#')) break;
      if (word.starts_with('!') || TableRef::is_table(word)) {
        return source_error(file, number,
                            printable(word, 100) +
                                " is not allowed in a file of names; write it into "
                                "the setting itself");
      }
      if (list.names_.size() + list.networks_.size() >= name_list_items_max) {
        return source_error(file, number, "too many names; use a hash: table");
      }
      auto network = Network::parse(word);
      if (network && word.find('/') != word.npos) {
        list.networks_.push_back(*network);
      } else {
        list.names_.insert(normal_form(word));
      }
    }
  }
  return list;
}

std::optional<std::string> NameList::lookup(std::string_view key) const {
  bool is_held = names_.contains(lower(key));
  if (!is_held && !networks_.empty()) {
    auto address = IpAddress::parse(key);
    is_held = address && std::ranges::any_of(networks_, [&](const Network& network) {
                return network.contains(*address);
              });
  }
  return is_held ? std::optional<std::string>("OK") : std::nullopt;
}

Result<void> NameList::each(
    const std::function<void(std::string_view name, std::string_view value)>& use) const {
  for (const auto& name : names_) use(name, "OK");
  for (const auto& network : networks_) use(network.text(), "OK");
  return {};
}

}  // namespace pennypost::store
