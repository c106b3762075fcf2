#include "common/crypto/digest.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "common/base/assert.h"

namespace pennypost {

struct Sha256::Context {
  Context() : evp(EVP_MD_CTX_new()) {
    ASSERT(evp != nullptr && EVP_DigestInit_ex(evp, EVP_sha256(), nullptr) == 1);
  }
  Context(const Context&) = delete;
  Context& operator=(const Context&) = delete;
  ~Context() { EVP_MD_CTX_free(evp); }
  EVP_MD_CTX* evp;
};

Sha256::Sha256() : context_(std::make_unique<Context>()) {}
Sha256::~Sha256() = default;
Sha256::Sha256(const Sha256& other) : Sha256() {
  ASSERT(EVP_MD_CTX_copy_ex(context_->evp, other.context_->evp) == 1);
}
Sha256::Sha256(Sha256&&) noexcept = default;
Sha256& Sha256::operator=(Sha256&&) noexcept = default;

void Sha256::add(std::string_view piece) {
  ASSERT(EVP_DigestUpdate(context_->evp, piece.data(), piece.size()) == 1);
}

std::string Sha256::finish() {
  std::string out(32, '\0');
  unsigned int bytes = 0;
  ASSERT(EVP_DigestFinal_ex(context_->evp, reinterpret_cast<unsigned char*>(out.data()), &bytes) ==
         1);
  ASSERT(bytes == out.size());
  return out;
}

std::string hmac_sha1(std::string_view key, std::string_view bytes) {
  std::string out(20, '\0');
  unsigned int size = 0;
  auto* made = HMAC(EVP_sha1(), key.data(), static_cast<int>(key.size()),
                    reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size(),
                    reinterpret_cast<unsigned char*>(out.data()), &size);
  ASSERT(made != nullptr && size == out.size());
  return out;
}

}  // namespace pennypost
