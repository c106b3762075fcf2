// Finds the addresses in a message's header that canonical maps rewrite, and replaces them.
//
// Used for mail by SMTP, from sendmail and from maildrop. Only the text of an address is replaced;
// names, comments, blanks and folds around it stay octet for octet. Addresses are completed before
// they are looked up.
//
//   senders     From, Sender, Reply-To, Errors-To, Return-Receipt-To, Disposition-Notification-To,
//               Mail-Followup-To
//   recipients  To, Cc, Bcc, Apparently-To
//   and the Resent- forms of both
//
// LIMITS  rewritten_addresses_max; header_size_limit, header_count_limit: what lies beyond stays
// STANDARDS  RFC 5322 section 3.6
// SEE ALSO   canonical.h (how they are rewritten)
#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/mail/completion.h"
#include "common/mail/header.h"
#include "smtpd/routing/messages.h"

namespace pennypost::smtp {

/// The most different addresses that are rewritten in one header.
inline constexpr std::size_t rewritten_addresses_max = 10'000;

class HeaderAddresses {
 public:
  struct Limits {
    std::size_t fields = 1000;
    std::size_t field_bytes = 102400;
  };

  HeaderAddresses() = default;
  /// Addresses that `completion` does not complete are looked up as they are.
  HeaderAddresses(std::string_view header, const Completion& completion, Limits limits);

  /// The addresses to look up, each once.
  const std::vector<Canonicalize::Address>& distinct() const { return distinct_; }
  /// The edits that replace the addresses by `rewritten`, which is in the order of distinct(). In
  /// order of offset.
  std::vector<Edit> edits(const std::vector<std::string>& rewritten) const;

 private:
  struct Place {
    std::size_t begin;
    std::size_t end;
    std::size_t which;  // an index into distinct_
  };
  void add(Canonicalize::Address address, std::size_t begin, std::size_t end);

  std::vector<Canonicalize::Address> distinct_;
  std::map<std::pair<bool, std::string>, std::size_t> known_;  // index in distinct_
  std::vector<Place> places_;
};

}  // namespace pennypost::smtp
