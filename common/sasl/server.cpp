#include "common/sasl/server.h"

#include <utility>

#include "common/base/text.h"
#include "common/crypto/random.h"
#include "common/mail/saslprep.h"
#include "common/sasl/scram_message.h"

namespace pennypost {
namespace {

constexpr std::size_t login_bytes_max = 320;

SaslStep failure(std::string reason) {
  SaslStep step;
  step.text = std::move(reason);
  return step;
}

SaslStep challenge(std::string text) {
  SaslStep step;
  step.kind = SaslStep::Kind::Challenge;
  step.text = std::move(text);
  return step;
}

SaslStep success(std::string login, std::string last_words) {
  SaslStep step;
  step.kind = SaslStep::Kind::Success;
  step.login = std::move(login);
  step.text = std::move(last_words);
  return step;
}

/// The form in which a name is looked up; nothing if it can't be valid.
std::optional<std::string> prepared(std::string_view login) {
  if (login.empty() || login.size() > login_bytes_max) return {};
  auto name = saslprep(login);
  if (!name || name->empty()) return {};
  return *std::move(name);
}

SaslStep need_password(std::string_view login, std::string_view password) {
  auto name = prepared(login);
  if (!name) return failure("login name too short, too long, or with wrong characters");
  if (password.find('\0') != password.npos) return failure("a zero byte in the password");
  SaslStep step;
  step.kind = SaslStep::Kind::NeedPassword;
  step.login = *std::move(name);
  step.password = Secret(std::string(password));
  return step;
}

/// The common part of the plaintext mechanisms: one password, checked once.
class Plaintext : public ServerExchange {
 public:
  SaslStep password_checked(bool fits) override {
    if (login_.empty()) return ServerExchange::password_checked(fits);
    auto login = std::exchange(login_, "");
    return fits ? success(std::move(login), "") : failure("password mismatch");
  }

 protected:
  SaslStep check(std::string_view login, std::string_view password) {
    if (std::exchange(has_asked_, true)) return failure("out of turn");
    auto step = need_password(login, password);
    login_ = step.login;
    return step;
  }

 private:
  bool has_asked_ = false;
  std::string login_;
};

/// RFC 4616: [authzid] NUL authcid NUL passwd.
class Plain final : public Plaintext {
 public:
  SaslStep start(const std::optional<std::string>& initial) override {
    return initial ? respond(*initial) : challenge("");
  }
  SaslStep respond(std::string_view response) override {
    auto parts = split(response, '\0');
    if (parts.size() != 3 || response.size() > response_bytes_max) {
      return failure("malformed PLAIN response");
    }
    if (!parts[0].empty() && parts[0] != parts[1]) {
      return failure("authorization identity differs from the login");
    }
    return check(parts[1], parts[2]);
  }
};

/// Two prompts; some clients check their text.
class Login final : public Plaintext {
 public:
  SaslStep start(const std::optional<std::string>& initial) override {
    return initial ? respond(*initial) : challenge("Username:");
  }
  SaslStep respond(std::string_view response) override {
    if (response.size() > response_bytes_max) return failure("response too long");
    if (!name_) {
      name_ = response;
      return challenge("Password:");
    }
    return check(*name_, response);
  }

 private:
  std::optional<std::string> name_;
};

/// RFC 4422 appendix A: TLS has authenticated the client; the response only says as whom to act.
class External final : public ServerExchange {
 public:
  explicit External(Environment environment) : environment_(std::move(environment)) {}
  SaslStep start(const std::optional<std::string>& initial) override {
    return initial ? respond(*initial) : challenge("");
  }
  SaslStep respond(std::string_view response) override {
    if (std::exchange(has_ended_, true)) return failure("out of turn");
    auto name = prepared(response.empty() ? environment_.external_identity : response);
    if (!name) return failure("malformed authorization identity");
    if (!environment_.external_is_proxy && *name != environment_.external_identity) {
      return failure("the certificate's identity may not act for others");
    }
    auto done = success(*std::move(name), "");
    done.is_external = true;
    return done;
  }

 private:
  Environment environment_;
  bool has_ended_ = false;
};

/// RFC 5802 section 5: client-first, server-first, client-final, server-final, empty.
class Scram final : public ServerExchange {
 public:
  Scram(bool is_plus, Environment environment)
      : is_plus_(is_plus), environment_(std::move(environment)) {
    if (environment_.nonce.empty()) environment_.nonce = random_text(24);
  }

  SaslStep start(const std::optional<std::string>& initial) override {
    return initial ? respond(*initial) : challenge("");
  }

  SaslStep respond(std::string_view response) override {
    if (response.size() > response_bytes_max) return failure("response too long");
    switch (state_) {
      case State::First:
        return client_first(response);
      case State::Final:
        state_ = State::Ended;
        return client_final(response);
      case State::Asked:
      case State::Ended:
        break;
    }
    return failure("out of turn");
  }

  SaslStep keys_found(const std::optional<ScramKeys>& keys) override {
    if (state_ != State::Asked) return failure("out of turn");
    is_known_ = keys.has_value();
    if (keys) {
      keys_ = *keys;
    } else {
      // An unknown user also gets a salt, always the same one, and fails at the end.
      keys_.salt = hmac_sha256(environment_.server_secret, login_).substr(0, 16);
      keys_.stored_key = random_bytes(32);
      keys_.server_key = random_bytes(32);
    }
    server_first_ = "r=" + first_.nonce + environment_.nonce + ",s=" + base64_encode(keys_.salt) +
                    ",i=" + std::to_string(keys_.iterations);
    state_ = State::Final;
    return challenge(server_first_);
  }

 private:
  enum class State { First, Asked, Final, Ended };

  SaslStep client_first(std::string_view response) {
    state_ = State::Ended;
    auto first = ScramClientFirst::parse(response);
    if (!first) return failure(first.error().text());
    first_ = *std::move(first);
    bool wants_binding = first_.channel.starts_with("p=");
    if (is_plus_ && first_.channel != "p=tls-exporter") {
      return failure("SCRAM-SHA-256-PLUS without tls-exporter");
    }
    if (!is_plus_ && wants_binding) return failure("channel binding without -PLUS");
    // RFC 5802 section 6: `y` says that we did not announce -PLUS; if we did, somebody removed it.
    if (!is_plus_ && first_.channel == "y" && !environment_.channel_binding.empty()) {
      return failure("channel binding was stripped from our list (downgrade)");
    }
    if (!first_.authorization.empty() && first_.authorization != first_.login) {
      return failure("authorization identity differs from the login");
    }
    auto name = prepared(first_.login);
    if (!name) return failure("login name too long, or with wrong characters");
    login_ = *std::move(name);
    state_ = State::Asked;
    SaslStep step;
    step.kind = SaslStep::Kind::NeedKeys;
    step.login = login_;
    return step;
  }

  SaslStep client_final(std::string_view response) {
    auto final = ScramClientFinal::parse(response);
    if (!final) return failure(final.error().text());
    std::string binding = first_.header;
    if (is_plus_) binding += environment_.channel_binding;
    if (final->binding != binding) return failure("channel binding differs");
    if (final->nonce != first_.nonce + environment_.nonce) return failure("nonce differs");
    std::string message = first_.bare + "," + server_first_ + "," + final->without_proof;
    std::string signature = hmac_sha256(keys_.stored_key, message);
    std::string client_key = final->proof;
    if (client_key.size() != signature.size()) return failure("malformed proof");
    for (std::size_t i = 0; i < client_key.size(); ++i) {
      client_key[i] = static_cast<char>(client_key[i] ^ signature[i]);
    }
    bool fits = equal_in_constant_time(sha256(client_key), keys_.stored_key);
    if (!fits || !is_known_) return failure(is_known_ ? "password mismatch" : "unknown user");
    return success(login_, "v=" + base64_encode(hmac_sha256(keys_.server_key, message)));
  }

  bool is_plus_;
  Environment environment_;
  State state_ = State::First;
  ScramClientFirst first_;
  std::string login_;
  bool is_known_ = false;
  ScramKeys keys_;
  std::string server_first_;
};

}  // namespace

SaslStep ServerExchange::password_checked(bool) { return failure("out of turn"); }
SaslStep ServerExchange::keys_found(const std::optional<ScramKeys>&) {
  return failure("out of turn");
}

const std::vector<std::string>& ServerExchange::mechanisms() {
  static const std::vector<std::string> names{"SCRAM-SHA-256-PLUS", "SCRAM-SHA-256", "EXTERNAL",
                                              "PLAIN", "LOGIN"};
  return names;
}

bool ServerExchange::is_plaintext(std::string_view mechanism) {
  return equal_nocase(mechanism, "PLAIN") || equal_nocase(mechanism, "LOGIN");
}

std::unique_ptr<ServerExchange> ServerExchange::make(std::string_view mechanism,
                                                     Environment environment) {
  if (equal_nocase(mechanism, "PLAIN")) return std::make_unique<Plain>();
  if (equal_nocase(mechanism, "LOGIN")) return std::make_unique<Login>();
  if (equal_nocase(mechanism, "EXTERNAL") && !environment.external_identity.empty()) {
    return std::make_unique<External>(std::move(environment));
  }
  if (equal_nocase(mechanism, "SCRAM-SHA-256")) {
    return std::make_unique<Scram>(false, std::move(environment));
  }
  if (equal_nocase(mechanism, "SCRAM-SHA-256-PLUS") && !environment.channel_binding.empty()) {
    return std::make_unique<Scram>(true, std::move(environment));
  }
  return nullptr;
}

}  // namespace pennypost
