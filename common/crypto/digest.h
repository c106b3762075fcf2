// Computes SHA-256 over bytes that come in pieces, at the speed of the processor's own
// instructions.
//
// STANDARDS  RFC 6234
// SEE ALSO   random.h (sha256() of a text that is whole)
#pragma once

#include <memory>
#include <string>
#include <string_view>

namespace pennypost {

class Sha256 {
 public:
  Sha256();
  ~Sha256();
  /// A copy goes on from what was added so far.
  Sha256(const Sha256& other);
  Sha256(Sha256&&) noexcept;
  Sha256& operator=(const Sha256&) = delete;
  Sha256& operator=(Sha256&&) noexcept;

  void add(std::string_view piece);
  /// The 32 bytes of the digest; nothing may be added afterwards.
  std::string finish();

 private:
  struct Context;
  std::unique_ptr<Context> context_;
};

/// HMAC-SHA-1 (RFC 2104, RFC 3174): 20 bytes; only for formats that others have made with it.
std::string hmac_sha1(std::string_view key, std::string_view bytes);

}  // namespace pennypost
