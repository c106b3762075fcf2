#include "imapd/process.h"

#include <set>

#include "common/base/text.h"
#include "common/log/log.h"
#include "imapd/login/session.h"
#include "imapd/session/session.h"
#include "store/index/index.h"
#include "store/service/login_process.h"
#include "store/service/store_settings.h"

namespace pennypost::imap {
namespace {

/// What a login's line says; keeps the texts that it shows.
class Shown {
 public:
  explicit Shown(const store::NewClient& client)
      : remote_(client.address.text()), local_(client.local.text()), session_(client.session_id) {}
  LogLogin entry(const LoginSession& login) const {
    LogLogin made;
    made.service = "imap";
    made.user = login.attempted_login();
    made.method = login.method();
    made.remote = remote_;
    made.local = local_;
    made.tls = login.is_encrypted();
    made.session = session_;
    return made;
  }

 private:
  std::string remote_;
  std::string local_;
  std::string session_;
};

// Why a connection ended before login; fail2ban's rules for Dovecot look for `auth failed, N
// attempts in`.
std::string why_ended(const LoginSession& session, std::string_view otherwise, SteadyTime since,
                      SteadyTime now) {
  std::string why(otherwise);
  if (session.attempts() == 0) return why + " (no auth attempts)";
  auto seconds = std::chrono::duration_cast<std::chrono::seconds>(now - since).count();
  return why + " (auth failed, " + std::to_string(session.attempts()) + " attempts in " +
         std::to_string(seconds) + " secs)";
}

// The last line to a client that waits for nothing else; it takes it at once or never.
void say_bye(Connection& connection, std::string_view text) {
  try {
    connection.stream().try_write("* BYE " + std::string(text) + "\r\n");
  } catch (const Disconnected&) {
    // The client was faster.
  }
}

Reply refusal(const Error& error) {
  if (error.text().starts_with("[LIMIT]")) {
    return Reply::no("[LIMIT] Maximum number of connections from user+IP exceeded.");
  }
  return Reply::no("[UNAVAILABLE] Your mailbox can't be opened now.");
}

Task<> greet(store::LoginProcess& process, store::NewClient client) {
  store::RemoteAuth auth(process.child().port("auth"));
  LoginClient about;
  about.service = client.service;
  about.address = client.address;
  about.local = client.local;
  about.session_id = client.session_id;
  about.tls = process.child().tls(client.service);
  Shown shown(client);
  auto& loop = process.child().loop();
  auto since = loop.now();
  LoginSession session(*client.connection, process.child().config(), std::move(about), auth);
  try {
    auto success = co_await session.serve();
    if (!success) {
      std::string_view why = "Aborted login";
      if (session.attempts() > 0) why = "Auth failed";
      log_login_ended(shown.entry(session), why_ended(session, why, since, loop.now()));
      co_return;
    }
    auto tag = success->tag;
    auto work = process.hand_over(client, std::move(success->answer.token), tag);
    auto given = co_await std::move(work);
    if (given) {
      log_login(shown.entry(session));
      co_return;
    }
    log_warning("imap-login", given.error().text());
    auto reply = refusal(given.error());
    client.connection->put(reply.line(tag));
    co_await client.connection->flush();
  } catch (const Disconnected& lost) {
    if (client.connection == nullptr) throw;
    if (lost.reason() == Disconnected::Reason::Timeout) {
      say_bye(*client.connection, "Disconnected for inactivity.");
    }
    log_login_ended(shown.entry(session), why_ended(session, lost.text(), since, loop.now()));
    throw;
  }
}

/// What the sessions of one worker have in common.
class Worker {
 public:
  explicit Worker(Child& child) : child_(child), changes_(child.loop()), watching_(child.loop()) {
    watching_.start(changes_.run());
  }

  Task<> serve(std::unique_ptr<Connection> connection, store::ClientInfo client,
               store::AccountRef account) {
    try {
      auto work = serve_client(*connection, client, account);
      co_await std::move(work);
    } catch (const Disconnected&) {
      // Gone before the mail was open, or while its last words were sent.
    }
  }

  void stop() {
    for (auto* session : sessions_) session->stop();
  }
  /// Settings changed: sessions to come have the new ones.
  void forget_settings() { surroundings_.fill(nullptr); }

 private:
  // Shared by all sessions of a service until the settings change.
  std::shared_ptr<const Surroundings> surroundings(Service service) {
    auto& kept = surroundings_[service == Service::Imaps];
    if (!kept) {
      auto config = child_.config();
      Surroundings made{child_.loop(), Clock::system(), changes_, limits_of(config->at(service)),
                        config,        service};
      kept = std::make_shared<const Surroundings>(std::move(made));
    }
    return kept;
  }

  Result<std::unique_ptr<store::MailStore>> open(const store::AccountRef& account) {
    store::LocationUser user;
    user.name = account.name;
    user.home = account.home;
    TRY(auto location, store::MailLocation::parse(account.mail_location, user));
    auto settings = store::store_settings(*child_.config(), account);
    settings.index = &index_for(account, location);
    return store::MailStore::open(std::move(location), std::move(settings));
  }

  // A shard's for own users, one in the mail directory for a system user; this process has but one.
  store::Index& index_for(const store::AccountRef& account, const store::MailLocation& location) {
    if (!index_) {
      auto shard = child_.config()->index_directory + "/" + child_.instance();
      auto directory = account.is_system ? store::index_directory(location) : shard;
      index_ = std::make_unique<store::Index>(directory);
    }
    return *index_;
  }

  Task<> serve_client(Connection& connection, const store::ClientInfo& client,
                      const store::AccountRef& account) {
    auto store = open(account);
    if (!store) {
      log_error("imap", "user=<" + client.login + ">: " + store.error().text());
      auto reply = refusal(store.error());
      connection.put(reply.line(client.state));
      co_await connection.flush();
      co_return;
    }
    LoggedIn who;
    who.user = client.login;
    who.session_id = client.session_id;
    who.tag = client.state;
    Session session(surroundings(static_cast<Service>(client.service)), connection, std::move(who),
                    *std::move(store));
    sessions_.insert(&session);
    auto serving = session.serve();
    co_await std::move(serving);
    sessions_.erase(&session);
  }

  Child& child_;
  std::unique_ptr<store::Index> index_;
  ChangeHub changes_;
  Nursery watching_;
  std::set<Session*> sessions_;
  std::array<std::shared_ptr<const Surroundings>, 2> surroundings_;
};

Task<> finish_when_empty(store::WorkerDesk& desk, Child& child) {
  co_await desk.join();
  child.finish();
}

}  // namespace

void run_login(Child& child) {
  store::LoginProcess process(child, greet);
  process.run();
}

void run_worker(Child& child) {
  Loop::set_offload_threads(static_cast<unsigned>(child.config()->io_threads));
  Worker worker(child);
  auto serve = [&worker](std::unique_ptr<Connection> connection, store::ClientInfo client,
                         store::AccountRef account) {
    return worker.serve(std::move(connection), std::move(client), std::move(account));
  };
  store::WorkerDesk desk(child, child.config()->at(Service::Imap).imap_idle_timeout, serve);
  child.on_reload([&] { worker.forget_settings(); });
  child.on_drain([&] {
    worker.stop();
    child.tasks().start(finish_when_empty(desk, child));
  });
  child.run();
}

}  // namespace pennypost::imap
