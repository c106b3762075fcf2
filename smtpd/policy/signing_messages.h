// Requests of `queue` to `lookup` for DKIM signatures: which keys sign for an author's domain, and
// the signatures of digests. The keys never leave `lookup`.
//
// SEE ALSO   ../process/lookup.h (who answers), signing_keys.h, ../scheduler/signing.h (who asks)
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "common/process/port.h"

namespace pennypost::smtp {

/// Errors are temporary: the keys can't be read now.
struct FindSigningKeys {
  static constexpr std::uint16_t type = 151;
  struct Key {
    std::string selector;
    bool is_rsa = true;  // otherwise Ed25519
    template <class Archive>
    void fields(Archive& archive) {
      archive(selector, is_rsa);
    }
  };
  struct Keys {
    std::string domain;     // the author's, or the nearest above it that has keys
    std::vector<Key> keys;  // none: mail of this author is not signed
    template <class Archive>
    void fields(Archive& archive) {
      archive(domain, keys);
    }
  };
  using Reply = Keys;
  std::string author_domain;
  template <class Archive>
  void fields(Archive& archive) {
    archive(author_domain);
  }
};

/// Signs digests of 32 bytes with keys of one domain. Errors are temporary.
struct SignDigests {
  static constexpr std::uint16_t type = 152;
  struct Digest {
    std::string selector;
    std::string digest;
    template <class Archive>
    void fields(Archive& archive) {
      archive(selector, digest);
    }
  };
  struct Signatures {
    std::vector<std::string> signatures;  // in the order of the digests
    template <class Archive>
    void fields(Archive& archive) {
      archive(signatures);
    }
  };
  using Reply = Signatures;
  std::string domain;
  std::vector<Digest> digests;
  template <class Archive>
  void fields(Archive& archive) {
    archive(domain, digests);
  }
};

}  // namespace pennypost::smtp
