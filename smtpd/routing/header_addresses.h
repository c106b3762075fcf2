// Finds the addresses in a message's header that canonical maps rewrite, and puts others in their
// place.
//
// The one way for all ways in: SMTP, sendmail, maildrop. Of each address its own text alone is
// replaced; names, comments, blanks and folds around it stay octet for octet. An address is
// asked for as it is once completed: canonical maps never see a short one that will be.
//
//   senders     From, Sender, Reply-To, Errors-To, Return-Receipt-To, Disposition-Notification-To,
//               Mail-Followup-To
//   recipients  To, Cc, Bcc, Apparently-To
//   and the Resent- forms of both
//
// LIMITS  rewritten_addresses_max; header_size_limit, header_count_limit: what lies beyond stays
// STANDARDS  RFC 5322 section 3.6
// SEE ALSO   canonical.h (what becomes of them)
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

/// Different addresses of one header.
inline constexpr std::size_t rewritten_addresses_max = 10'000;

class HeaderAddresses {
 public:
  struct Limits {
    std::size_t fields = 1000;
    std::size_t field_bytes = 102400;
  };

  HeaderAddresses() = default;
  /// What is left out of `completion` stays short.
  HeaderAddresses(std::string_view header, const Completion& completion, Limits limits);

  /// What is to be asked: each address once.
  const std::vector<Canonicalize::Address>& distinct() const { return distinct_; }
  /// The edits that put `rewritten`, in the order of distinct(), in their place; in order of
  /// offset.
  std::vector<Edit> edits(const std::vector<std::string>& rewritten) const;

 private:
  struct Place {
    std::size_t begin;
    std::size_t end;
    std::size_t which;  // in distinct_
  };
  void add(Canonicalize::Address address, std::size_t begin, std::size_t end);

  std::vector<Canonicalize::Address> distinct_;
  std::map<std::pair<bool, std::string>, std::size_t> known_;  // where in distinct_
  std::vector<Place> places_;
};

}  // namespace pennypost::smtp
