#include "common/sasl/client.h"

#include "common/base/text.h"
#include "common/base/words.h"
#include "common/crypto/random.h"
#include "common/crypto/scram.h"
#include "common/mail/saslprep.h"
#include "common/sasl/scram_message.h"

namespace pennypost {
namespace {

class PlainClient final : public ClientExchange {
 public:
  PlainClient(std::string login, Secret password)
      : login_(std::move(login)), password_(std::move(password)) {}
  std::optional<std::string> initial() override { return response(); }
  Result<std::string> respond(std::string_view) override { return response(); }

 private:
  std::string response() const {
    return std::string(1, '\0') + login_ + '\0' + std::string(password_.reveal());
  }
  std::string login_;
  Secret password_;
};

class LoginClient final : public ClientExchange {
 public:
  LoginClient(std::string login, Secret password)
      : login_(std::move(login)), password_(std::move(password)) {}
  std::optional<std::string> initial() override { return {}; }
  Result<std::string> respond(std::string_view) override {
    if (answered_++ == 0) return login_;
    if (answered_ == 2) return std::string(password_.reveal());
    return Error::temporary("4.7.0", "the server asks more than LOGIN's two questions");
  }

 private:
  std::string login_;
  Secret password_;
  int answered_ = 0;
};

/// RFC 5802 section 5.1. A text that SASLprep refuses is sent as it is, and the server decides.
std::string prepared(std::string_view text) {
  auto form = saslprep(text);
  return form ? *std::move(form) : std::string(text);
}

class ScramClient final : public ClientExchange {
 public:
  ScramClient(std::string login, Secret password, std::string nonce)
      : password_(prepared(password.reveal())),
        nonce_(nonce.empty() ? random_text(24) : std::move(nonce)) {
    bare_ = "n=" + scram_encode_name(prepared(login)) + ",r=" + nonce_;
  }
  std::optional<std::string> initial() override { return "n,," + bare_; }

  Result<std::string> respond(std::string_view challenge) override {
    TRY(auto first, ScramServerFirst::parse(challenge));
    if (!first.nonce.starts_with(nonce_) || first.nonce.size() == nonce_.size()) {
      return Error::temporary("4.7.0", "the server's nonce is not made of ours");
    }
    std::string salted = scram_salted_password(password_, first.salt, first.iterations);
    std::string client_key = hmac_sha256(salted, "Client Key");
    std::string without_proof = "c=" + base64_encode("n,,") + ",r=" + first.nonce;
    std::string message = bare_ + "," + std::string(challenge) + "," + without_proof;
    std::string proof = hmac_sha256(sha256(client_key), message);
    for (std::size_t i = 0; i < proof.size(); ++i) {
      proof[i] = static_cast<char>(proof[i] ^ client_key[i]);
    }
    expected_ = hmac_sha256(hmac_sha256(salted, "Server Key"), message);
    return without_proof + ",p=" + base64_encode(proof);
  }

  Result<void> verify(std::string_view last_words) override {
    auto signature = last_words.starts_with("v=") ? base64_decode(last_words.substr(2))
                                                  : std::optional<std::string>();
    if (!signature || expected_.empty() || !equal_in_constant_time(*signature, expected_)) {
      return Error::temporary("4.7.0", "the server could not prove that it knows our password");
    }
    return {};
  }

 private:
  Secret password_;
  std::string nonce_;
  std::string bare_;
  std::string expected_;
};

}  // namespace

std::unique_ptr<ClientExchange> ClientExchange::make(std::string_view mechanism, std::string login,
                                                     Secret password, std::string nonce) {
  if (equal_nocase(mechanism, "PLAIN")) {
    return std::make_unique<PlainClient>(std::move(login), std::move(password));
  }
  if (equal_nocase(mechanism, "LOGIN")) {
    return std::make_unique<LoginClient>(std::move(login), std::move(password));
  }
  if (equal_nocase(mechanism, "SCRAM-SHA-256")) {
    return std::make_unique<ScramClient>(std::move(login), std::move(password), std::move(nonce));
  }
  return nullptr;
}

std::vector<std::string> ClientExchange::choices(const std::vector<std::string>& offered,
                                                 const std::vector<std::string>& allowed) {
  std::vector<std::string> names;
  for (const char* name : {"SCRAM-SHA-256", "PLAIN", "LOGIN"}) {
    if (holds(offered, name) && (allowed.empty() || holds(allowed, name))) {
      names.emplace_back(name);
    }
  }
  return names;
}

}  // namespace pennypost
