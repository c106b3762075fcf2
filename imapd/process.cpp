#include "imapd/process.h"

#include <atomic>
#include <set>

#include "common/base/text.h"
#include "common/log/log.h"
#include "imapd/dialogue/login_session.h"
#include "imapd/dialogue/session.h"
#include "imapd/managesieve/login_session.h"
#include "imapd/managesieve/session.h"
#include "imapd/session/user_quotas.h"
#include "store/filtering/scripts_of.h"
#include "store/index/index.h"
#include "store/login/login_process.h"
#include "store/maildir/folder_cache.h"
#include "store/search/place.h"
#include "store/sharing/shared_store.h"
#include "store/stores/store_settings.h"
#include "store/stores/stores.h"

namespace pennypost::imap {
namespace {

// How long a thread of the pool waits for another program's lock at a time: all sessions of the
// shard need the threads.
constexpr int brief_lock_ms = 100;

/// What the sessions of one worker have in common.
class Worker {
 public:
  explicit Worker(Child& child)
      : child_(child),
        accounts_(child.loop(), child.config()->io_threads, threads_per_account(*child.config())),
        changes_(child.loop()),
        watching_(child.loop()) {
    watching_.start(changes_.run());
  }

  /// `client` outlives the task.
  Task<std::unique_ptr<Connection>> serve(std::unique_ptr<Connection> connection,
                                          const store::ClientInfo& client,
                                          std::shared_ptr<const store::AccountRef> account) {
    auto store = open(*account);
    if (!store) {
      log_error("imap", "user=<" + client.login + ">: " + store.error().text());
      auto reply = mail_unavailable();
      connection->put(reply.line(client.state));
      co_await connection->flush();
      co_return nullptr;
    }
    Session session(context_for(client.service), *connection, who_is(client, account),
                    counted(account), *std::move(store));
    sessions_.insert(&session);
    auto serving = session.serve();
    co_await std::move(serving);
    sessions_.erase(&session);
    if (!session.is_logged_out()) co_return nullptr;
    co_return std::move(connection);
  }

  /// The same for ManageSieve.
  Task<std::unique_ptr<Connection>> serve_scripts(
      std::unique_ptr<Connection> connection, const store::ClientInfo& client,
      std::shared_ptr<const store::AccountRef> account) {
    auto scripts = store::scripts_of(*child_.config(), *account);
    if (!scripts || !*scripts) {
      log_error("managesieve", "user=<" + client.login + ">: " +
                                   (scripts ? "users have no scripts here: sieve is empty"
                                            : scripts.error().text()));
      auto reply = managesieve::Reply::no("Your scripts can't be served now.", "TRYLATER");
      connection->put(reply.line());
      co_await connection->flush();
      co_return nullptr;
    }
    managesieve::LoggedIn who;
    who.user = client.login;
    who.session_id = client.session_id;
    who.client = client.client_address;
    who.sasl_data = client.state;
    managesieve::Session session(*connection, child_.config(), &child_.traces(), std::move(who),
                                 **std::move(scripts));
    script_sessions_.insert(&session);
    auto serving = session.serve();
    co_await std::move(serving);
    script_sessions_.erase(&session);
    if (!session.is_logged_out()) co_return nullptr;
    co_return std::move(connection);
  }

  void stop() {
    for (auto* session : sessions_) session->stop();
    for (auto* session : script_sessions_) session->stop();
  }
  /// Settings changed: sessions to come have the new ones.
  void forget_settings() {
    contexts_.fill(nullptr);
    has_told_of_separators_ = false;
    other_users_ = nullptr;
  }

 private:
  static LoggedIn who_is(const store::ClientInfo& client,
                         std::shared_ptr<const store::AccountRef> account) {
    LoggedIn who;
    who.user = client.login;
    who.session_id = client.session_id;
    who.tag = client.state;
    who.client = client.client_address;
    who.hidden_capabilities = account->imap_capability;
    who.account = std::move(account);
    return who;
  }

  // Shared by all sessions of a service until the settings change.
  std::shared_ptr<const WorkerContext> context_for(Service service) {
    auto& kept = contexts_[service == Service::Imaps];
    if (!kept) {
      auto config = child_.config();
      WorkerContext made{Clock::system(), changes_, limits_of(config->at(service)),
                         config,          service,  &child_.traces()};
      made.quotas = &quotas_;
      kept = std::make_shared<const WorkerContext>(std::move(made));
    }
    return kept;
  }

  // What this session has in common with the others of its account.
  std::shared_ptr<imap::Account> counted(const std::shared_ptr<const store::AccountRef>& ref) {
    auto account = accounts_.open(ref->name);
    auto location = location_of(*ref);
    if (account->open_store || !location || !child_.config()->imap_fts) return account;
    account->words_directory = store::words_directory(*location);
    account->open_store = [this, ref]() -> std::unique_ptr<store::MailStore> {
      auto opened = open(*ref);
      return opened ? *std::move(opened) : nullptr;
    };
    return account;
  }

  static Result<store::MailLocation> location_of(const store::AccountRef& account) {
    store::LocationUser user;
    user.name = account.name;
    user.home = account.home;
    return store::MailLocation::parse(account.mail_location, user);
  }

  Result<std::unique_ptr<store::MailStore>> open(const store::AccountRef& account) {
    TRY(auto location, location_of(account));
    auto settings = store::store_settings(*child_.config(), account);
    open_index(account, location);
    complete(settings);
    auto own = store::open_store(std::move(location), std::move(settings));
    const auto& config = *child_.config();
    bool may_share = store::OtherUsers::may_share(config, account);
    if (!may_share && config.namespace_aliases.empty()) return own;
    tell_of_separators(config, own->separator());
    return std::unique_ptr<store::MailStore>(std::make_unique<store::SharedStore>(
        std::move(own), store::namespace_settings(config, account),
        may_share ? other_users() : nullptr));
  }

  // Which separator an account has depends on its mail, so that check can't know it. Told once, by
  // any thread.
  void tell_of_separators(const Config& config, char separator) {
    if (has_told_of_separators_.exchange(true)) return;
    auto tell = [&](std::string_view name, const std::string& value, std::string_view what) {
      log_warning("imap", config.where(name) + ": " + std::string(name) + ": " +
                              printable(value, 100) + " does not end in the separator " +
                              separator + " of users' mailboxes: " + std::string(what));
    };
    for (const auto& alias : config.namespace_aliases) {
      if (!alias.ends_with(separator))
        tell("namespace_aliases", alias, "it has no effect for them");
    }
    const std::string& shared = config.namespace_shared_prefix;
    bool has_other = shared.ends_with('.') || shared.ends_with('/');
    if (has_other && !shared.ends_with(separator)) {
      tell("namespace_shared_prefix", shared, "what stands at its end is part of the level's name");
    }
  }

  // What the stores of this process have in common.
  void complete(store::StoreSettings& settings) {
    settings.index = index_.get();
    settings.folder_cache = &folder_cache_;
    settings.brief_lock_ms = brief_lock_ms;
  }

  // Shared by all sessions until the settings change.
  std::shared_ptr<store::OtherUsers> other_users() {
    if (!other_users_) {
      other_users_ = std::make_shared<store::OtherUsers>(
          child_.config(), [this](store::StoreSettings& settings) { complete(settings); });
    }
    return other_users_;
  }

  // A shard's for own users, one in the mail directory for a system user; this process has but one.
  void open_index(const store::AccountRef& account, const store::MailLocation& location) {
    if (!index_) {
      auto shard = child_.config()->index_directory + "/" + child_.instance();
      auto directory = account.is_system ? store::index_directory(location) : shard;
      index_ = std::make_unique<store::Index>(directory);
    }
  }

  static std::size_t threads_per_account(const Config& config) {
    return config.at(Service::Imap).imap_account_threads_max;
  }

  Child& child_;
  std::unique_ptr<store::Index> index_;
  store::FolderCache folder_cache_;
  // Gone before the two: what accounts do in the background uses them.
  Accounts accounts_;
  ChangeHub changes_;
  UserQuotas quotas_{child_};
  Nursery watching_;
  std::shared_ptr<store::OtherUsers> other_users_;
  std::atomic<bool> has_told_of_separators_ = false;
  std::set<Session*> sessions_;
  std::set<managesieve::Session*> script_sessions_;
  std::array<std::shared_ptr<const WorkerContext>, 2> contexts_;
};

}  // namespace

void run_login(Child& child) {
  auto make = [](Connection& connection, std::shared_ptr<const Config> config,
                 store::LoginClient client,
                 store::AuthPort& auth) -> std::unique_ptr<store::LoginSession> {
    if (client.service == Service::Sieve) {
      return std::make_unique<managesieve::LoginSession>(connection, std::move(config),
                                                         std::move(client), auth);
    }
    return std::make_unique<LoginSession>(connection, std::move(config), std::move(client), auth);
  };
  store::LoginProcess(child, make).run();
}

void run_worker(Child& child) {
  Worker worker(child);
  auto serve = [&worker](std::unique_ptr<Connection> connection, const store::ClientInfo& client,
                         std::shared_ptr<const store::AccountRef> account) {
    return client.service == Service::Sieve
               ? worker.serve_scripts(std::move(connection), client, std::move(account))
               : worker.serve(std::move(connection), client, std::move(account));
  };
  auto timeout = child.config()->at(Service::Imap).imap_idle_timeout;
  store::WorkerDesk desk(child, timeout, serve);
  child.on_reload([&worker] { worker.forget_settings(); });
  desk.run([&worker] { worker.stop(); });
}

}  // namespace pennypost::imap
