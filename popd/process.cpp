#include "popd/process.h"

#include <set>

#include "common/log/log.h"
#include "popd/login.h"
#include "popd/session.h"
#include "popd/unique_id.h"
#include "store/service/login_process.h"
#include "store/service/store_settings.h"

namespace pennypost::pop {
namespace {

/// What a login's line says; `about` keeps the texts that it shows.
struct About {
  explicit About(const store::NewClient& client)
      : remote(client.address.text()), local(client.local.text()), session(client.session_id) {}
  LogLogin entry(const LoginSession& login) const {
    LogLogin made;
    made.service = "pop3";
    made.user = login.attempted_login();
    made.method = login.method();
    made.remote = remote;
    made.local = local;
    made.tls = login.is_encrypted();
    made.session = session;
    return made;
  }
  std::string remote;
  std::string local;
  std::string session;
};

Task<> greet(store::LoginProcess& process, store::NewClient client) {
  store::RemoteAuth auth(process.child().port("auth"));
  LoginClient about;
  about.service = client.service;
  about.address = client.address;
  about.local = client.local;
  about.session_id = client.session_id;
  about.tls = process.child().tls(client.service);
  About shown(client);
  LoginSession session(*client.connection, process.child().config(), std::move(about), auth);
  try {
    auto success = co_await session.serve();
    if (!success) {
      log_login_ended(shown.entry(session), session.attempts() > 0 ? "Auth failed" : "Logged out");
      co_return;
    }
    auto work = process.hand_over(client, std::move(success->token), "");
    auto given = co_await std::move(work);
    if (given) {
      log_login(shown.entry(session));
      co_return;
    }
    log_warning("pop3-login", given.error().text());
    bool is_limit = given.error().text().starts_with("[LIMIT]");
    client.connection->put(is_limit ? "-ERR [IN-USE] Too many connections from your address.\r\n"
                                    : "-ERR [SYS/TEMP] Your mailbox can't be opened now.\r\n");
    co_await client.connection->flush();
  } catch (const Disconnected& lost) {
    if (client.connection == nullptr) throw;
    log_login_ended(shown.entry(session), lost.text());
    throw;
  }
}

/// The accounts whose maildrop a session of this process holds (RFC 1939 section 4).
class Locks {
 public:
  bool take(const std::string& account) { return held_.insert(account).second; }
  void give_back(const std::string& account) { held_.erase(account); }

 private:
  std::set<std::string> held_;
};

class Hold {
 public:
  Hold(Locks& locks, std::string account) : locks_(locks), account_(std::move(account)) {}
  Hold(const Hold&) = delete;
  Hold& operator=(const Hold&) = delete;
  ~Hold() { locks_.give_back(account_); }

 private:
  Locks& locks_;
  std::string account_;
};

std::string counts_text(const Session::Counts& counts) {
  return "top=" + std::to_string(counts.top) + ", retr=" + std::to_string(counts.retrieved) + "/" +
         std::to_string(counts.retrieved_bytes) + ", del=" + std::to_string(counts.deleted) + "/" +
         std::to_string(counts.messages) + ", size=" + std::to_string(counts.size);
}

struct Worker {
  explicit Worker(Child& process) : child(process) {}
  Child& child;
  Locks locks;
  std::set<Session*> sessions;
};

Task<> serve(Worker& worker, Connection& connection, const store::ClientInfo& client,
             const store::AccountRef& account) {
  auto service = static_cast<Service>(client.service);
  auto config = worker.child.config();
  std::optional<Hold> hold;
  if (config->at(service).pop3_lock_session) {
    if (!worker.locks.take(account.name)) {
      connection.put("-ERR [IN-USE] Mailbox is locked by another POP3 session.\r\n");
      co_await connection.flush();
      co_return;
    }
    hold.emplace(worker.locks, account.name);
  }
  auto settings = store::store_settings(*config, account);
  auto maildrop = co_await worker.child.loop().offload(
      [&] { return Maildrop::open(account.mail_location, settings); });
  auto ids = format_unique_id(config->at(service).pop3_uidl_format, 1, 1);
  if (!ids) log_warning("pop3", ids.error().text() + "; it is used instead");
  if (!maildrop) {
    log_error("pop3", "user=<" + client.login + ">: " + maildrop.error().text());
    connection.put(maildrop.error().is_temporary()
                       ? "-ERR [SYS/TEMP] Your mailbox can't be opened now.\r\n"
                       : "-ERR [SYS/PERM] Your mailbox can't be opened; ask your postmaster.\r\n");
    co_await connection.flush();
    co_return;
  }
  connection.put("+OK Logged in.\r\n");
  Session session(connection, config, service, **maildrop);
  worker.sessions.insert(&session);
  std::string why = "Logged out";
  try {
    co_await session.serve();
  } catch (const Disconnected& lost) {
    why = lost.text();
  }
  worker.sessions.erase(&session);
  log_logout("pop3", client.login, client.session_id, why, counts_text(session.counts()));
}

Task<> serve_session(Worker& worker, std::unique_ptr<Connection> connection,
                     store::ClientInfo client, store::AccountRef account) {
  try {
    co_await serve(worker, *connection, client, account);
  } catch (const Disconnected&) {
    // Gone before the maildrop was open, or while its last words were sent.
  }
}

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
  store::WorkerDesk desk(child, child.config()->at(Service::Pop3).pop3_idle_timeout,
                         [&worker](std::unique_ptr<Connection> connection, store::ClientInfo client,
                                   store::AccountRef account) {
                           return serve_session(worker, std::move(connection), std::move(client),
                                                std::move(account));
                         });
  child.on_drain([&] {
    for (auto* session : worker.sessions) session->stop();
    child.tasks().start(finish_when_empty(desk, child));
  });
  child.run();
}

}  // namespace pennypost::pop
