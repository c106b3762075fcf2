#include "common/tls/ticket_keys.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/rand.h>
#include <openssl/ssl.h>
#include <sys/mman.h>

#include <algorithm>
#include <atomic>
#include <cstring>
#include <new>

#include "common/base/assert.h"

namespace pennypost {
namespace {

constexpr int tries_max = 1000;  // to read while the master writes

int context_slot() {
  static const int slot = SSL_CTX_get_ex_new_index(0, nullptr, nullptr, nullptr, nullptr);
  return slot;
}

bool begin(EVP_CIPHER_CTX* cipher, EVP_MAC_CTX* mac, TicketKeys::Key& key, unsigned char* iv,
           int is_new) {
  char digest[] = "SHA256";
  OSSL_PARAM parameters[] = {
      OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_KEY, key.mac.data(), key.mac.size()),
      OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
      OSSL_PARAM_construct_end(),
  };
  return EVP_MAC_CTX_set_params(mac, parameters) == 1 &&
         EVP_CipherInit_ex(cipher, EVP_aes_256_cbc(), nullptr, key.cipher.data(), iv, is_new) == 1;
}

/// OpenSSL's callback for the key of a ticket: 1 accept, 2 accept and send a newer ticket, 0 no
/// such key (a full handshake follows), -1 error.
int choose_key(SSL* ssl, unsigned char* name, unsigned char* iv, EVP_CIPHER_CTX* cipher,
               EVP_MAC_CTX* mac, int is_new) {
  auto* keys = static_cast<TicketKeys*>(SSL_CTX_get_ex_data(SSL_get_SSL_CTX(ssl), context_slot()));
  if (is_new == 1) {
    auto found = keys->newest();
    if (!found) return 0;
    if (RAND_bytes(iv, EVP_CIPHER_get_iv_length(EVP_aes_256_cbc())) != 1) return -1;
    std::ranges::copy(found->key.name, name);
    return begin(cipher, mac, found->key, iv, 1) ? 1 : -1;
  }
  auto found = keys->named(
      std::span<const unsigned char, TicketKeys::name_bytes>(name, TicketKeys::name_bytes));
  if (!found) return 0;
  if (!begin(cipher, mac, found->key, iv, 0)) return -1;
  // A ticket of TLS 1.3 is used only once, so that observers can't recognize a client (RFC 8446
  // appendix C.4).
  return found->is_newest && SSL_version(ssl) < TLS1_3_VERSION ? 1 : 2;
}

}  // namespace

/// Written only by the master; `turn` is odd while it writes.
struct TicketKeys::Page {
  std::atomic<std::uint32_t> turn;
  std::uint32_t count;
  Key newest;
  Key before;
};

TicketKeys::Key::~Key() { OPENSSL_cleanse(this, sizeof *this); }

std::shared_ptr<TicketKeys> TicketKeys::create() {
  void* memory =
      mmap(nullptr, sizeof(Page), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) throw std::bad_alloc();
  // If the limit on locked memory forbids it, the page may be swapped out like any other.
  mlock(memory, sizeof(Page));
  madvise(memory, sizeof(Page), MADV_DONTDUMP);
  std::shared_ptr<TicketKeys> keys(new TicketKeys(static_cast<Page*>(memory)));
  keys->rotate();
  return keys;
}

TicketKeys::~TicketKeys() { forget(); }

void TicketKeys::rotate() {
  Key fresh;
  ASSERT(RAND_priv_bytes(fresh.name.data(), name_bytes) == 1);
  ASSERT(RAND_priv_bytes(fresh.cipher.data(), static_cast<int>(fresh.cipher.size())) == 1);
  ASSERT(RAND_priv_bytes(fresh.mac.data(), static_cast<int>(fresh.mac.size())) == 1);
  page_->turn.fetch_add(1);
  std::atomic_thread_fence(std::memory_order_release);
  page_->before = page_->newest;
  page_->newest = fresh;
  page_->count = std::min(page_->count + 1, 2u);
  page_->turn.fetch_add(1);
}

void TicketKeys::only_read() { mprotect(page_, sizeof(Page), PROT_READ); }

void TicketKeys::forget() {
  if (page_ != nullptr) munmap(page_, sizeof(Page));
  page_ = nullptr;
}

std::optional<std::array<TicketKeys::Key, 2>> TicketKeys::read() const {
  if (page_ == nullptr) return {};
  for (int tries = 0; tries < tries_max; ++tries) {
    auto turn = page_->turn.load();
    std::array<Key, 2> keys{page_->newest, page_->before};
    std::atomic_thread_fence(std::memory_order_acquire);
    if (turn % 2 == 0 && page_->turn.load() == turn) return keys;
  }
  return {};
}

std::optional<TicketKeys::Found> TicketKeys::newest() const {
  auto keys = read();
  if (!keys) return {};
  return Found{keys->front(), true};
}

std::optional<TicketKeys::Found> TicketKeys::named(
    std::span<const unsigned char, name_bytes> name) const {
  auto keys = read();
  if (!keys) return {};
  std::size_t count = page_->count;
  for (std::size_t i = 0; i < std::min<std::size_t>(count, 2); ++i) {
    const Key& key = (*keys)[i];
    if (std::ranges::equal(key.name, name)) return Found{key, i == 0};
  }
  return {};
}

void TicketKeys::serve(ssl_ctx_st* context) {
  SSL_CTX_set_ex_data(context, context_slot(), this);
  SSL_CTX_set_tlsext_ticket_key_evp_cb(context, choose_key);
}

}  // namespace pennypost
