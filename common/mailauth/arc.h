// Verifies the ARC chain of a message: what forwarders and lists before us have seen and sealed.
//
//   ArcVerifier verifier(header, clock.now_seconds());
//   if (verifier.needs_body()) for (each piece) verifier.feed(piece);
//   auto result = co_await verifier.result(loop, resolver, time_max);
//
// The newest message signature and all seals are verified. A chain that passes says who sealed it,
// not that they tell the truth: that is for whoever trusts them. A failure of DNS is TempError.
//
// LIMITS     arc_sets_max, and those of signature_field.h and dkim_key.h
// STANDARDS  RFC 8617 section 5.2
// SEE ALSO   arc_sealer.h (the other side)
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/async/loop.h"
#include "common/dns/resolver.h"
#include "common/mailauth/arc_chain.h"
#include "common/mailauth/canonical.h"
#include "common/mailauth/dkim_key.h"

namespace pennypost {

enum class ArcStatus { None, Pass, Fail, TempError };
/// `none`, `pass`, ...
std::string_view name_of(ArcStatus status);

/// A hop that has sealed the message.
struct ArcHop {
  std::string domain;  // of its seal
  std::string selector;
  std::string results;  // of its checks, as in Authentication-Results
};

struct ArcResult {
  ArcStatus status = ArcStatus::None;
  std::string reason;        // why not Pass
  std::vector<ArcHop> hops;  // from the first one; empty unless Pass
};

class ArcVerifier {
 public:
  /// `now_seconds` since 1970 is what t= and x= are compared with.
  ArcVerifier(std::string header, std::int64_t now_seconds);
  ArcVerifier(const ArcVerifier&) = delete;
  ArcVerifier& operator=(const ArcVerifier&) = delete;

  /// False if there is no chain that depends on the body.
  bool needs_body() const { return !chain_.sets.empty(); }
  void feed(std::string_view body) { hasher_->feed(body); }
  /// Ends the body. What DNS has not answered within `time_max` is TempError.
  Task<ArcResult> result(Loop& loop, Resolver& resolver, Duration time_max);

 private:
  Task<Result<void>> verify(Resolver& resolver);
  Task<Result<void>> verify_message(Resolver& resolver);
  Task<Result<void>> verify_seals(Resolver& resolver);
  Task<Result<void>> check(Resolver& resolver, const SignatureField& field, std::string digest);

  std::string text_;
  std::int64_t now_;
  SignedHeader header_;
  ArcChain chain_;
  std::optional<BodyHasher> hasher_;
  std::map<std::string, DkimKey> keys_;  // by their names in DNS
};

}  // namespace pennypost
