#include "popd/process.h"

#include <array>
#include <set>

#include "common/base/percent_text.h"
#include "common/log/log.h"
#include "common/mail/unique_id.h"
#include "popd/login.h"
#include "popd/login_delay.h"
#include "popd/session.h"
#include "store/login/login_process.h"
#include "store/mailbox/lock_wait.h"
#include "store/maildir/folder_cache.h"
#include "store/stores/store_settings.h"

namespace pennypost::pop {
namespace {

// How long a thread of the pool waits for another program's lock at a time: all sessions of the
// shard need the threads.
constexpr int brief_lock_ms = 100;

/// The accounts whose maildrop a session of this process has locked (RFC 1939 section 4).
class Locks {
 public:
  bool take(const std::string& account) { return held_.insert(account).second; }
  void give_back(const std::string& account) { held_.erase(account); }

 private:
  std::set<std::string> held_;
};

/// An account's lock, given back when the session ends.
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

// pop3_logout_format, with Dovecot's variables.
std::string counts_text(std::string_view format, const Session::Counts& counts) {
  const std::array variables{PercentVariable{"%t", std::to_string(counts.top)},
                             PercentVariable{"%p", std::to_string(counts.top_bytes)},
                             PercentVariable{"%r", std::to_string(counts.retrieved)},
                             PercentVariable{"%b", std::to_string(counts.retrieved_bytes)},
                             PercentVariable{"%d", std::to_string(counts.deleted)},
                             PercentVariable{"%m", std::to_string(counts.messages)},
                             PercentVariable{"%s", std::to_string(counts.size)}};
  return percent_text(format, variables);
}

// RFC 2449 section 8.1.2 and RFC 3206.
std::string_view refusal(const Error& error) {
  if (store::is_in_use(error))
    return "-ERR [IN-USE] Another program is at work in your mailbox.\r\n";
  if (error.is_temporary()) return unavailable_line;
  return "-ERR [SYS/PERM] Your mailbox can't be opened; ask your postmaster.\r\n";
}

/// What the sessions of one worker have in common.
struct Worker {
  explicit Worker(Child& process) : child(process) {}
  Child& child;
  Locks locks;
  store::FolderCache folder_cache;
  std::set<Session*> sessions;
};

/// Null, as no client of POP3 logs in a second time. `client` outlives the task.
Task<std::unique_ptr<Connection>> serve(Worker& worker, std::unique_ptr<Connection> owned,
                                        const store::ClientInfo& client,
                                        std::shared_ptr<const store::AccountRef> account) {
  auto& connection = *owned;
  auto service = client.service;
  auto config = worker.child.config();
  std::optional<Hold> hold;
  if (config->at(service).pop3_lock_session) {
    if (!worker.locks.take(account->name)) {
      connection.put("-ERR [IN-USE] Mailbox is locked by another POP3 session.\r\n");
      co_await connection.flush();
      co_return nullptr;
    }
    hold.emplace(worker.locks, account->name);
  }
  auto settings = store::store_settings(*config, *account);
  settings.folder_cache = &worker.folder_cache;
  settings.brief_lock_ms = brief_lock_ms;
  Duration lock_timeout = config->deliver_lock_delay * (config->deliver_lock_attempts - 1);
  const Settings& own = config->at(service);
  store::MailEvents events("pop3", client.login, client.session_id, own.mail_log_events,
                           own.mail_log_fields);
  auto opening = store::retry_while_locked(worker.child.loop(), lock_timeout, [&] {
    return Maildrop::open(account->mail_location, settings, MaildropRules::of(own), events);
  });
  auto maildrop = co_await std::move(opening);
  if (!maildrop) {
    log_error("pop3", "user=<" + client.login + ">: " + maildrop.error().text());
    connection.put(refusal(maildrop.error()));
    co_await connection.flush();
    co_return nullptr;
  }
  if (own.pop3_login_delay.count() > 0) {
    auto note = [&] {
      return note_login((*maildrop)->directory(), own.pop3_login_delay, Clock::system());
    };
    auto wait = co_await worker.child.loop().offload([&] { return note(); });
    if (!wait) log_warning("pop3", client.login + ": " + wait.error().text());
    if (wait && wait->count() > 0) {
      connection.put("-ERR [LOGIN-DELAY] Too soon after your last login: try again in " +
                     std::to_string(wait->count()) + " s.\r\n");
      co_await connection.flush();
      co_return nullptr;
    }
  }
  auto ids = UniqueIdFormat::parse(own.pop3_uidl_format);
  if (ids && ids->uses_files() && !(*maildrop)->has_files()) {
    log_warning("pop3", "user=<" + client.login +
                            ">: pop3_uidl_format asks for file names, and an mbox has none; ids "
                            "are those of " +
                            std::string(UniqueIdFormat::default_text));
  }
  connection.put("+OK Logged in.\r\n");
  Session session(connection, config, service, **maildrop, client.login,
                  {&worker.child.traces(), client.client_address, client.state == utf8_state});
  worker.sessions.insert(&session);
  std::string why = "Logged out";
  try {
    co_await session.serve();
  } catch (const Disconnected& lost) {
    why = lost.text();
  }
  worker.sessions.erase(&session);
  log_logout("pop3", client.login, client.session_id, why,
             counts_text(own.pop3_logout_format, session.counts()));
  co_return nullptr;
}

}  // namespace

void run_login(Child& child) { store::run_login<LoginSession>(child); }

void run_worker(Child& child) {
  Worker worker(child);
  auto serve_client = [&worker](std::unique_ptr<Connection> connection,
                                const store::ClientInfo& client,
                                std::shared_ptr<const store::AccountRef> account) {
    return serve(worker, std::move(connection), client, std::move(account));
  };
  auto timeout = child.config()->at(Service::Pop3).pop3_idle_timeout;
  store::WorkerDesk desk(child, timeout, serve_client);
  desk.run([&worker] {
    for (auto* session : worker.sessions) session->stop();
  });
}

}  // namespace pennypost::pop
