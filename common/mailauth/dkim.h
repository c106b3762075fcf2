// Verifies the DKIM signatures of a message: header first, then the body in pieces, then the keys.
//
//   DkimVerifier verifier(header, clock.now_seconds());
//   if (verifier.needs_body()) for (each piece) verifier.feed(piece);
//   auto results = co_await verifier.results(loop, resolver, time_max);
//
// A signature over only a part of the body (l=) is not accepted: anyone may append to such a
// message. Signatures by a public suffix (com, co.uk) aren't either. A failure of DNS is TempError,
// never Fail.
//
// LIMITS     dkim_signatures_max, and those of signature_field.h, signed_header.h and dkim_key.h
// STANDARDS  RFC 6376 section 6, RFC 8301, RFC 8463, RFC 6008 (header.b)
// SEE ALSO   dkim_signer.h (the other side), auth_results.h (where results are shown)
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/async/loop.h"
#include "common/dns/resolver.h"
#include "common/mailauth/canonical.h"
#include "common/mailauth/dkim_key.h"
#include "common/mailauth/signature_field.h"
#include "common/mailauth/signed_header.h"

namespace pennypost {

inline constexpr std::size_t dkim_signatures_max = 10;  // from the top; the rest is not looked at

/// RFC 8601 section 2.7.1.
enum class DkimStatus { None, Pass, Fail, Policy, TempError, PermError };
/// `none`, `pass`, ...
std::string_view name_of(DkimStatus status);

struct DkimResult {
  DkimStatus status = DkimStatus::None;
  std::string reason;           // why not Pass, for people
  std::string domain;           // d=, in lower case; empty if it could not be read
  std::string selector;         // s=
  std::string identity;         // i=
  std::string algorithm;        // a=
  std::string signature_start;  // the first octets of b=, which tell signatures apart
  int key_bits = 0;
  bool is_testing = false;    // the key says t=y: then what fails counts as unsigned (None)
  bool is_authentic = false;  // the key was validated by DNSSEC

  friend bool operator==(const DkimResult&, const DkimResult&) = default;
};

class DkimVerifier {
 public:
  /// `now_seconds` since 1970 is what t= and x= are compared with.
  DkimVerifier(std::string header, std::int64_t now_seconds);
  DkimVerifier(const DkimVerifier&) = delete;
  DkimVerifier& operator=(const DkimVerifier&) = delete;

  /// False if no signature depends on the body, which then need not be fed.
  bool needs_body() const { return !forms_.none(); }
  void feed(std::string_view body) { hasher_->feed(body); }
  /// In the order of the fields. Ends the body. What DNS has not answered within `time_max`, for
  /// all signatures together, is TempError.
  Task<std::vector<DkimResult>> results(Loop& loop, Resolver& resolver, Duration time_max);

 private:
  struct Candidate {
    std::size_t at = 0;                   // in header_.fields()
    std::optional<SignatureField> field;  // absent: result is final
    DkimResult result;
  };
  void examine(std::size_t at);
  void judge(Candidate& candidate, const Result<DkimKey>& key) const;

  std::string text_;
  std::int64_t now_;
  SignedHeader header_;
  std::vector<Candidate> candidates_;
  BodyForms forms_;
  std::optional<BodyHasher> hasher_;
};

/// The digest that a signature is over: the fields it names and, at last, its own field without b=.
std::string signed_digest(const SignedHeader& header, const SignatureField& field, std::size_t own);

/// Why a signature is refused before its key is asked for: its times, its domain. Nothing if it is
/// not.
std::optional<std::string> refusal_of(const SignatureField& field, std::int64_t now_seconds);

}  // namespace pennypost
