// Rewrites the senders of forwarded mail, so that SPF passes at the next host and bounces come back
// through us: the Sender Rewriting Scheme.
//
//   SRS0=HASH=TT=example.org=ann@our.example      ann@example.org, forwarded by us
//   SRS1=HASH=other.example==REST@our.example     SRS0=REST@other.example, forwarded by us
//
// HASH is the beginning of an HMAC, which only we can make; TT is the day, so that an address is of
// no use to others for longer than it takes mail to bounce. The form and the HMAC are those of
// libsrs2, so that addresses made by postsrsd with the same secret still lead back, and ours lead
// back through it.
//
// LIMITS     srs_days_max; local_part_bytes_max of the address made
// STANDARDS  none; M. Weber and S. Wong, "Sender Rewriting Scheme"; RFC 2104 (HMAC)
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"
#include "common/base/secret.h"
#include "common/mail/address.h"

namespace pennypost {

inline constexpr std::int64_t srs_days_max = 21;       // after which an address leads nowhere
inline constexpr std::size_t srs_hash_characters = 4;  // of base64

class Srs {
 public:
  /// `domain`: of the addresses made. The first secret makes hashes; all of them are valid, so that
  /// a secret can be replaced.
  Srs(Domain domain, std::vector<Secret> secrets)
      : domain_(std::move(domain)), secrets_(std::move(secrets)) {}

  const Domain& domain() const { return domain_; }
  /// Whether a local part has the form of an address made by somebody: SRS0 or SRS1 and a
  /// separator.
  static bool is_one(std::string_view local);

  /// The sender for mail of `sender` that is forwarded. `sender` has a domain. Error 501: it would
  /// be too long.
  Result<MailAddress> forward(const MailAddress& sender, std::int64_t now_seconds) const;
  /// To whom a bounce to the address is forwarded: for SRS0 the original sender, for SRS1 the host
  /// that forwarded the mail before us. Error 550 5.1.1: it was not made here, or is too old.
  Result<MailAddress> reverse(const MailAddress& address, std::int64_t now_seconds) const;

 private:
  std::string hash(const Secret& secret, std::string_view text) const;
  bool is_hash(std::string_view hash, std::string_view text) const;

  Domain domain_;
  std::vector<Secret> secrets_;
};

}  // namespace pennypost
