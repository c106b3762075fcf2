// Reads which versions of TLS may be used.
//
//   >=TLSv1.2, <=TLSv1.3     from and up to
//   !TLSv1, !TLSv1.1         all but these
//   TLSv1.2                  these alone
//
// Items are parted by blanks, commas or colons. SSLv2 and SSLv3 are known, so that they can be
// excluded, and never used.
//
// STANDARDS  Postfix's smtpd_tls_protocols
#pragma once

#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"

namespace pennypost {

class TlsVersions {
 public:
  static constexpr std::array<std::string_view, 4> names{"TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3"};

  /// TLSv1.2 and newer.
  TlsVersions() = default;
  /// Error: an unknown name, or no version left.
  static Result<TlsVersions> parse(std::string_view text);

  std::string_view lowest() const;
  std::string_view highest() const;
  /// Those between them that may not be used.
  std::vector<std::string_view> holes() const;
  friend bool operator==(const TlsVersions&, const TlsVersions&) = default;

 private:
  std::size_t first() const;
  std::size_t last() const;
  std::array<bool, names.size()> allowed_{false, false, true, true};
};

}  // namespace pennypost
