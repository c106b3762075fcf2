// Makes the DKIM-Signature field of a message, in two steps, so that the process that holds the key
// needs to see no more than a digest.
//
//   DkimSigner signer(domain, selector, key_kind, header, body_hash, clock.now_seconds());
//   std::string field = signer.field(key.sign(signer.digest()));
//
// Fields that show who wrote what to whom are oversigned: named once more than they occur, so that
// nobody can add another one. Fields that mailing lists add are signed only as they are.
//
// STANDARDS  RFC 6376 sections 5 and 8.15, RFC 8301, RFC 8463, RFC 8058 section 4
// (List-Unsubscribe) SEE ALSO   dkim.h (the other side), canonical.h (BodyHasher)
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "common/crypto/signature.h"
#include "common/mailauth/signature_field.h"
#include "common/mailauth/signed_header.h"

namespace pennypost {

/// The names for h= that sign a header, in lower case.
std::vector<std::string> names_to_sign(const SignedHeader& header);

/// Who signs.
struct DkimIdentity {
  std::string domain;  // as A-labels
  std::string selector;
  KeyKind key_kind = KeyKind::Rsa;

  /// a=: `rsa-sha256`, `ed25519-sha256`.
  std::string_view algorithm() const;
};

class DkimSigner {
 public:
  /// `body_hash` is BodyHasher's of the relaxed form. The header must have at most
  /// signed_fields_max fields (Error 550), and one From (RFC 6376 section 8.15).
  static Result<DkimSigner> make(const DkimIdentity& identity, std::string_view header,
                                 std::string_view body_hash, std::int64_t now_seconds);

  /// What the key has to sign.
  const std::string& digest() const { return digest_; }
  /// The field with its CRLF, to be put above the header.
  std::string field(std::string_view signature) const { return writer_.signed_with(signature); }

 private:
  DkimSigner(SignatureFieldWriter writer, std::string digest)
      : writer_(std::move(writer)), digest_(std::move(digest)) {}
  SignatureFieldWriter writer_;
  std::string digest_;
};

/// The TXT record that publishes a key.
std::string dkim_key_record(const SigningKey& key);

}  // namespace pennypost
