// Tells what a client would find wrong with a host's certificate, for `pennypost doctor`.
//
// STANDARDS  RFC 5280 (chains), RFC 6125 (names), RFC 6698 and RFC 7671 (TLSA records)
#pragma once

#include <cstdint>
#include <string>

#include "common/base/result.h"

namespace pennypost {

struct CertificateReport {
  bool names_host = false;        // whether it is for the host that was asked for
  std::string names;              // its names, with blanks between
  std::int64_t seconds_left = 0;  // until it ends; negative: it has ended
  bool is_self_signed = false;
  std::string
      chain_problem;  // why the authorities of this system do not vouch for it; may be empty

  /// The data of a TLSA record for it (RFC 6698 section 2.1.4); empty for unknown numbers.
  std::string tlsa(std::uint8_t selector, std::uint8_t matching) const;

  std::string whole;       // DER
  std::string public_key;  // DER of the SubjectPublicKeyInfo
};

/// Reads the first certificate of a PEM file, with those behind it as its chain. Error: what is
/// wrong with the file.
Result<CertificateReport> report_certificate(const std::string& file, const std::string& host);

}  // namespace pennypost
