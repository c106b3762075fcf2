#include "common/config/tls_versions.h"

#include <algorithm>
#include <optional>

#include "common/base/text.h"

namespace pennypost {
namespace {

/// Where a version stands in TlsVersions::names; -1 for SSL, which is below all.
std::optional<int> place_of(std::string_view name) {
  if (equal_nocase(name, "SSLv2") || equal_nocase(name, "SSLv3")) return -1;
  for (std::size_t i = 0; i < TlsVersions::names.size(); ++i) {
    if (equal_nocase(name, TlsVersions::names[i])) return static_cast<int>(i);
  }
  return std::nullopt;
}

Error wrong(std::string_view item) {
  return Error::permanent("\"" + printable(item, 100) +
                          "\" is no version of TLS; write >=TLSv1.2, <=TLSv1.3 or !TLSv1.1");
}

}  // namespace

Result<TlsVersions> TlsVersions::parse(std::string_view text) {
  TlsVersions versions;
  auto& allowed = versions.allowed_;
  std::array<bool, names.size()> named{};
  bool has_named = false;
  allowed.fill(true);
  for (std::string_view item : words(text, " \t\n,:")) {
    std::string_view name = item;
    bool is_least = name.starts_with(">=");
    bool is_most = name.starts_with("<=");
    bool is_excluded = name.starts_with('!');
    name.remove_prefix(is_least || is_most ? 2 : is_excluded ? 1 : 0);
    auto place = place_of(name);
    if (!place) return wrong(item);
    has_named = has_named || !(is_least || is_most || is_excluded);
    for (int i = 0; i < static_cast<int>(names.size()); ++i) {
      auto at = static_cast<std::size_t>(i);
      bool is_out =
          (is_least && i < *place) || (is_most && i > *place) || (is_excluded && i == *place);
      if (is_out) allowed[at] = false;
      if (i == *place && !is_excluded) named[at] = true;
    }
  }
  for (std::size_t i = 0; has_named && i < names.size(); ++i) allowed[i] = allowed[i] && named[i];
  if (std::ranges::find(allowed, true) == allowed.end()) {
    return Error::permanent("\"" + printable(text, 100) +
                            "\" leaves no version of TLS; write >=TLSv1.2");
  }
  return versions;
}

std::size_t TlsVersions::first() const {
  return static_cast<std::size_t>(std::ranges::find(allowed_, true) - allowed_.begin());
}

std::size_t TlsVersions::last() const {
  std::size_t at = names.size() - 1;
  while (!allowed_[at]) --at;
  return at;
}

std::string_view TlsVersions::lowest() const { return names[first()]; }
std::string_view TlsVersions::highest() const { return names[last()]; }

std::vector<std::string_view> TlsVersions::holes() const {
  std::vector<std::string_view> holes;
  for (std::size_t i = first(); i < last(); ++i) {
    if (!allowed_[i]) holes.push_back(names[i]);
  }
  return holes;
}

}  // namespace pennypost
