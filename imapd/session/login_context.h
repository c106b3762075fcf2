// What the commands before login work on: the conversation, and the login that it is about.
//
// SEE ALSO   store/login/login_session.h (what POP3's login has in common with it), context.h
//            (the time after login)
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "imapd/session/conversation.h"
#include "store/login/login_session.h"

namespace pennypost::imap {

class LoginContext : public store::LoginSession, public Conversation {
 public:
  LoginContext(Connection& connection, std::shared_ptr<const Config> config,
               store::LoginClient client, store::AuthPort& auth);

  using Conversation::connection;
  using Conversation::settings;

  // What may be offered to the client now, and the steps of a login: store::LoginSession's.
  using Outcome = store::LoginSession::Outcome;
  using store::LoginSession::allows_plaintext;
  using store::LoginSession::can_start_tls;
  using store::LoginSession::exchange;
  using store::LoginSession::has_success;
  using store::LoginSession::is_encrypted;
  using store::LoginSession::is_exhausted;
  using store::LoginSession::offer;
  using store::LoginSession::start_tls;

  std::optional<std::string> login_capabilities() const override;
};

}  // namespace pennypost::imap
