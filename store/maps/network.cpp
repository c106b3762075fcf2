#include "store/maps/network.h"

#include <arpa/inet.h>

#include <algorithm>
#include <cstring>

#include "common/base/text.h"

namespace pennypost::store {
namespace {

bool bit_at(const IpAddress& address, int i) {
  return address.bytes()[static_cast<std::size_t>(i / 8)] >> (7 - i % 8) & 1;
}

}  // namespace

std::optional<IpAddress> IpAddress::parse(std::string_view text) {
  if (text.starts_with('[') && text.ends_with(']')) text = text.substr(1, text.size() - 2);
  if (starts_with_nocase(text, "IPv6:")) text.remove_prefix(5);
  IpAddress address;
  std::string copy(text.substr(0, 64));
  if (::inet_pton(AF_INET, copy.c_str(), address.bytes_.data()) == 1) return address;
  if (::inet_pton(AF_INET6, copy.c_str(), address.bytes_.data()) != 1) return {};
  address.bits_ = 128;
  constexpr std::array<std::uint8_t, 12> mapped{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
  if (std::equal(mapped.begin(), mapped.end(), address.bytes_.begin())) {
    std::rotate(address.bytes_.begin(), address.bytes_.begin() + 12, address.bytes_.end());
    std::fill(address.bytes_.begin() + 4, address.bytes_.end(), std::uint8_t{0});
    address.bits_ = 32;
  }
  return address;
}

std::string IpAddress::text() const {
  char buffer[INET6_ADDRSTRLEN];
  ::inet_ntop(is_v4() ? AF_INET : AF_INET6, bytes_.data(), buffer, sizeof buffer);
  return buffer;
}

Result<Network> Network::parse(std::string_view text) {
  auto slash = text.find('/');
  auto address_text = text.substr(0, slash);
  // `[2001:db8::/32]` is seen as well.
  if (text.starts_with('[') && text.ends_with(']') && slash != text.npos) {
    return parse(text.substr(1, text.size() - 2));
  }
  auto base = IpAddress::parse(address_text);
  if (!base) return Error::permanent(printable(text, 80) + " is no network address");
  int length = base->bits();
  if (slash != text.npos) {
    auto number = parse_number(text.substr(slash + 1));
    if (!number || *number > static_cast<std::uint64_t>(base->bits())) {
      return Error::permanent(printable(text, 80) + ": the length must be 0 to " +
                              std::to_string(base->bits()));
    }
    length = static_cast<int>(*number);
  }
  for (int i = length; i < base->bits(); ++i) {
    if (bit_at(*base, i)) {
      return Error::permanent(printable(text, 80) + ": bits are set beyond the length of " +
                              std::to_string(length));
    }
  }
  return Network(*base, length);
}

bool Network::contains(const IpAddress& address) const {
  if (address.bits() != base_.bits()) return false;
  for (int i = 0; i < length_; ++i) {
    if (bit_at(address, i) != bit_at(base_, i)) return false;
  }
  return true;
}

std::string Network::text() const { return base_.text() + "/" + std::to_string(length_); }

}  // namespace pennypost::store
