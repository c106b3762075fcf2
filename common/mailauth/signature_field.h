// Parses and writes the fields that carry a signature: DKIM-Signature, ARC-Message-Signature and
// ARC-Seal.
//
// LIMITS     signature_field_bytes_max, signed_names_max
// STANDARDS  RFC 6376 sections 3.5 and 6.1.1, RFC 8301 (no SHA-1), RFC 8463 (Ed25519), RFC 8617
//            section 4.1 (ARC's fields)
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"
#include "common/crypto/signature.h"
#include "common/mailauth/canonical.h"

namespace pennypost {

inline constexpr std::size_t signature_field_bytes_max = 64 * 1024;
inline constexpr std::size_t signed_names_max = 1000;
/// How far clocks may differ before a time counts as past or to come.
inline constexpr std::int64_t clock_skew_seconds_max = 300;

enum class SignatureKind { Dkim, ArcMessage, ArcSeal };

/// What a signature field says; text as it is in the field, but for blanks and folds.
struct SignatureField {
  /// Error 550 says what is wrong: syntax, a missing tag, an algorithm that is not verified. What
  /// could be read before the mistake is in `*partial`, so that a report can name the signer.
  static Result<SignatureField> parse(SignatureKind kind, std::string_view body,
                                      SignatureField* partial = nullptr);

  std::string domain;    // d=, in lower case
  std::string selector;  // s=, in lower case
  KeyKind key_kind = KeyKind::Rsa;
  std::string algorithm;    // a=: `rsa-sha256`, `ed25519-sha256`
  std::string signature;    // b=, decoded
  std::string signature64;  // the same, encoded
  std::string body_hash;    // bh=, decoded; not in a seal
  Canonical header_form = Canonical::Simple;
  Canonical body_form = Canonical::Simple;
  std::vector<std::string> names;       // h=, in lower case
  std::string identity;                 // i= of DKIM, `@domain` if absent
  std::string identity_domain;          // its domain in lower case
  std::uint32_t instance = 0;           // i= of ARC
  std::string chain;                    // cv= of a seal
  std::optional<std::int64_t> made;     // t=, in seconds since 1970
  std::optional<std::int64_t> expires;  // x=
  bool has_length = false;              // l=

  /// The name in DNS that holds the key.
  std::string key_name() const { return selector + "._domainkey." + domain; }
};

/// A field without the value of its b= tag and without its last line end, as it is hashed at last
/// (RFC 6376 section 3.7). The field must have been parsed.
std::string unsigned_field(Canonical form, std::string_view whole);

/// Writes a signature field in lines of less than 78 columns where its parts allow that.
class SignatureFieldWriter {
 public:
  explicit SignatureFieldWriter(std::string_view name) : text_(std::string(name) + ":") {
    column_ = text_.size();
  }
  /// `name=value;`, on a new line if it does not fit.
  void tag(std::string_view name, std::string_view value);
  /// h=, folded between names.
  void names(const std::vector<std::string>& names);
  /// b=, the last tag, which is left empty for hashing; `text()` then ends in `b=`.
  void begin_signature();
  const std::string& text() const { return text_; }
  /// The whole field with CRLF; `signature` as bytes.
  std::string signed_with(std::string_view signature) const;

 private:
  void piece(std::string_view text, bool after_blank);
  std::string text_;
  std::size_t column_ = 0;
};

}  // namespace pennypost
