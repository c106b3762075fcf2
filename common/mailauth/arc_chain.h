// Collects the ARC sets of a header, and says whether they form a chain; verifies nothing.
//
// LIMITS     arc_sets_max, and those of signature_field.h
// STANDARDS  RFC 8617 sections 4 and 5.2
// SEE ALSO   arc.h (which verifies chains), arc_sealer.h (which extends them)
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/mailauth/signature_field.h"
#include "common/mailauth/signed_header.h"

namespace pennypost {

inline constexpr std::uint32_t arc_sets_max = 50;

/// One hop's three fields; places are in SignedHeader::fields().
struct ArcSet {
  std::size_t results_at = 0;  // ARC-Authentication-Results
  std::size_t message_at = 0;  // ARC-Message-Signature
  std::size_t seal_at = 0;     // ARC-Seal
  std::string results;         // what stands behind `i=N;`
  SignatureField message;
  SignatureField seal;
};

struct ArcChain {
  static ArcChain of(const SignedHeader& header);

  bool is_empty() const { return highest == 0 && mistake.empty(); }

  std::vector<ArcSet> sets;   // by instance from 1; none if there is a mistake
  std::string mistake;        // why the fields are no chain; empty if they are
  std::uint32_t highest = 0;  // the highest instance that could be read
  bool has_failed = false;    // the newest seal says cv=fail: nothing may be added
};

/// Adds the fields of a set as a seal covers them; for the seal's own set its field comes without
/// its signature (RFC 8617 section 5.1.1).
void add_sealed(Sha256& sha, const SignedHeader& header, const ArcSet& set, bool is_own);

}  // namespace pennypost
