#include "smtpd/commands/setup.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <iostream>
#include <optional>
#include <ostream>
#include <sstream>
#include <vector>

#include "common/base/file.h"
#include "common/base/text.h"
#include "common/config/system.h"
#include "common/tls/self_signed.h"
#include "smtpd/commands/ask_password.h"
#include "smtpd/commands/autoconfig.h"
#include "smtpd/commands/dkim.h"
#include "smtpd/commands/dkim_records.h"
#include "smtpd/commands/dns_records.h"
#include "smtpd/commands/exit_status.h"
#include "smtpd/commands/newaliases.h"
#include "smtpd/commands/service.h"
#include "smtpd/commands/setup_aliases.h"
#include "smtpd/commands/setup_message.h"
#include "smtpd/commands/setup_plan.h"
#include "smtpd/commands/text_diff.h"
#include "smtpd/commands/usage.h"
#include "smtpd/policy/key_directory.h"
#include "store/accounts/accounts.h"
#include "store/accounts/own_users.h"

namespace pennypost::smtp {
namespace {

namespace fs = std::filesystem;

constexpr mode_t config_mode = 0644;
constexpr mode_t key_mode = 0600;
constexpr const char* systemd_target = "/lib/systemd/system/pennypost.target";

struct Option {
  std::string_view name;
  std::string SetupAnswers::*answer;
};
constexpr std::array options_with_answers{
    Option{"--role", &SetupAnswers::role},
    Option{"--hostname", &SetupAnswers::hostname},
    Option{"--domain", &SetupAnswers::domain},
    Option{"--relayhost", &SetupAnswers::relayhost},
    Option{"--networks", &SetupAnswers::networks},
    Option{"--user", &SetupAnswers::user},
    Option{"--certificate", &SetupAnswers::certificate},
    Option{"--key", &SetupAnswers::key},
};

class Setup {
 public:
  Setup(std::ostream& out, std::ostream& err) : out_(out), err_(err) {}

  int run(std::span<const std::string> args) {
    if (!parse(args)) {
      err_ << usage::setup << "\n";
      return ex_usage;
    }
    is_terminal_ = ::isatty(STDIN_FILENO) != 0;
    read_present();
    if (!ask()) return ex_usage;
    auto planned = plan_setup(answers_, load_);
    if (!planned) return refuse(planned.error());
    plan_ = *std::move(planned);
    if (auto seen = plan_rest(); !seen) return fail(seen.error());
    show();
    if (is_dry_run_) return 0;
    if (!may_go_on()) {
      out_ << "Nothing was changed.\n";
      return ex_failed;
    }
    // What may fail for want of an answer comes before anything is written.
    if (auto asked = ask_for_password(); !asked) {
      int status = fail(asked.error());
      err_ << "Nothing was written.\n";
      return status;
    }
    if (auto written = write(); !written) return fail(written.error());
    return finish();
  }

 private:
  bool parse(std::span<const std::string> args) {
    for (std::size_t i = 0; i < args.size(); ++i) {
      const std::string& arg = args[i];
      if (arg == "--yes") {
        is_agreed_ = true;
      } else if (arg == "--dry-run") {
        is_dry_run_ = true;
      } else if (arg == "--no-start") {
        starts_ = false;
      } else if (i + 1 == args.size() || !take_value(arg, args[i + 1])) {
        return false;
      } else {
        ++i;
      }
    }
    return answers_.certificate.empty() == answers_.key.empty();
  }

  bool take_value(const std::string& option, const std::string& value) {
    if (option == "-c") {
      std::error_code problem;
      load_.directory = fs::absolute(value, problem).lexically_normal().string();
      return true;
    }
    if (option == "--autoconfig") {
      autoconfig_directory_ = value;
      return !value.empty();
    }
    if (option == "--set") {
      answers_.settings.push_back(value);
      return value.find('=') != value.npos;
    }
    auto found = std::ranges::find(options_with_answers, option, &Option::name);
    if (found == options_with_answers.end()) return false;
    answers_.*(found->answer) = value;
    return true;
  }

  int fail(const Error& error) {
    err_ << "pennypost setup: " << error.text() << "\n";
    return ex_failed;
  }

  int refuse(const Error& error) {
    err_ << "pennypost setup: these answers make no configuration:\n";
    for (auto line : split(error.text(), '\n')) err_ << "  " << line << "\n";
    err_ << "Nothing was written.\n";
    return ex_config;
  }

  /// The configuration as it is; null if there is none, or none that is right.
  void read_present() {
    auto text = read_main_toml(load_);
    if (!text || text->empty()) return;
    auto config = Config::parse(*text, load_);
    if (config) present_ = *config;
  }
  std::string present(std::string_view name) const { return present_ ? present_->text(name) : ""; }

  /// One question; an empty line means `proposal`.
  std::string question(const std::string& text, const std::string& proposal) {
    out_ << text << (proposal.empty() ? "" : " [" + proposal + "]") << ": " << std::flush;
    std::string line;
    if (!std::getline(std::cin, line)) is_input_over_ = true;
    std::string answer(trim(line));
    return answer.empty() ? proposal : answer;
  }

  /// What no option has answered: from a terminal, else what is now, else the default.
  void answer(std::string& into, const std::string& text, const std::string& proposal) {
    if (!into.empty()) return;
    into = is_terminal_ && !is_agreed_ ? question(text, proposal) : proposal;
  }

  bool ask() {
    const std::string role = present("role");
    answer(answers_.role, "What this host does with mail: null-client, relay or destination", role);
    if (answers_.role.empty()) {
      err_ << "pennypost setup: --role is missing: null-client, relay or destination\n";
      return false;
    }
    const System system = System::query();
    answer(answers_.hostname, "Full name of this host",
           present_ ? present("myhostname") : system.hostname);
    const bool is_null_client = answers_.role == "null-client";
    answer(answers_.relayhost,
           is_null_client ? "The host that takes the mail, as [smtp.example.org]"
                          : "A host that takes mail for elsewhere; empty: send it directly",
           present("relayhost"));
    if (is_null_client) return true;
    answer(answers_.domain, "Domain of the mail addresses",
           present_ ? present("mydomain") : domain_of(answers_.hostname));
    if (answers_.role == "relay") {
      answer(answers_.networks, "Networks that may send without a login, as 192.0.2.0/24",
             present("mynetworks"));
    }
    ask_certificate();
    if (answers_.role == "destination") {
      answer(answers_.user, "First user, an address or a name in passwd; empty: none", "");
    }
    return !is_input_over_;
  }

  static std::string domain_of(const std::string& hostname) {
    auto dot = hostname.find('.');
    const bool has_domain = dot != hostname.npos && hostname.find('.', dot + 1) != hostname.npos;
    return has_domain ? hostname.substr(dot + 1) : "";
  }

  void ask_certificate() {
    if (!answers_.certificate.empty()) return;
    for (const char* name : {"ssl_cert", "smtpd_tls_cert_file"}) {
      if (!present(name).empty()) return;
    }
    const std::string live = "/etc/letsencrypt/live/" + answers_.hostname;
    const bool has_live = ::access((live + "/fullchain.pem").c_str(), R_OK) == 0;
    const std::string own = load_.directory + "/tls/" + answers_.hostname;
    answer(answers_.certificate, "Certificate; it is made, self-signed, if there is no such file",
           has_live ? live + "/fullchain.pem" : own + ".crt");
    if (has_live && answers_.certificate == live + "/fullchain.pem") {
      answers_.key = live + "/privkey.pem";
    }
    answer(answers_.key, "Its key", own + ".key");
  }

  void show() {
    const std::string path = load_.directory + "/main.toml";
    if (!plan_.is_change()) {
      out_ << path << " stays as it is.\n";
    } else {
      out_ << path << ":\n" << text_diff(plan_.before, plan_.after);
    }
    for (const auto& change : plan_.changes) out_ << "This " << change << ".\n";
    if (plan_.makes_certificate) {
      out_ << "A self-signed certificate is made: " << answers_.certificate << ", its key "
           << answers_.key << ".\n";
    }
    for (const auto& change : aliases_) {
      out_ << change.path << ":\n";
      for (auto line : split(trim(change.lines), '\n')) out_ << "+ " << line << "\n";
    }
    for (const auto& warning : plan_.config->warnings()) out_ << "Warning: " << warning << "\n";
  }

  bool may_go_on() {
    if (is_agreed_) return true;
    if (!is_terminal_) {
      err_ << "pennypost setup: standard input is no terminal, so --yes must say that this is to "
              "be done\n";
      return false;
    }
    const std::string reply = lower(question("Go on? yes or no", "yes"));
    return !is_input_over_ && (reply == "yes" || reply == "y");
  }

  Result<void> write() {
    if (plan_.makes_certificate) {
      TRY_DO(make_certificate());
    }
    if (plan_.is_change()) {
      TRY_DO(write_main_toml());
    }
    for (const auto& change : aliases_) {
      TRY_DO(write_aliases(change));
    }
    TRY_DO(make_signing_keys());
    return add_user();
  }

  /// The domain's mail is signed from the beginning. Keys that are there stay.
  Result<void> make_signing_keys() {
    const Config& config = *plan_.config;
    if (!config.dkim_signing) return {};
    TRY(auto kept, KeyDirectory(config.dkim_key_directory).read(config.text("mydomain")));
    if (!kept.keys.empty()) return {};
    std::ostringstream told;  // its records are printed with the others
    std::vector<std::string> args{"new", "-c", load_.directory, config.text("mydomain")};
    if (dkim(args, told, err_) != 0) return Error::temporary("no DKIM keys were made");
    out_ << "DKIM keys made for " << config.text("mydomain") << ".\n";
    return {};
  }

  static Result<void> write_file(const std::string& path, std::string_view text, mode_t mode) {
    TRY(auto file, open_file(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, mode));
    TRY_DO(write_all(file.number(), text, path));
    if (::fchmod(file.number(), mode) != 0) return Error::temporary(path + ": can't set its mode");
    return sync_file(file.number(), path);
  }

  Result<void> make_certificate() {
    TRY(auto made, make_self_signed({answers_.hostname}));
    for (const auto& path : {answers_.key, answers_.certificate}) {
      std::error_code problem;
      fs::create_directories(fs::path(path).parent_path(), problem);
      if (problem) return Error::temporary(path + ": " + problem.message());
    }
    TRY_DO(write_file(answers_.key, made.key.reveal(), key_mode));
    return write_file(answers_.certificate, made.certificate, config_mode);
  }

  /// Only if the file is still the one whose change was shown.
  Result<void> write_main_toml() {
    std::error_code problem;
    fs::create_directories(load_.directory, problem);
    if (problem) return Error::temporary(load_.directory + ": " + problem.message());
    TRY(auto now, read_main_toml(load_));
    if (now != plan_.before) {
      return Error::temporary(load_.directory +
                              "/main.toml was changed meanwhile; run setup again");
    }
    return edit_file(plan_.edits, load_);
  }

  /// What changes beside main.toml.
  Result<void> plan_rest() {
    if (plan_.config->role == Role::NullClient) return {};
    TRY(aliases_, plan_aliases(*plan_.config, answers_.user));
    return {};
  }

  /// The password of a new own user.
  Result<void> ask_for_password() {
    if (answers_.user.find('@') == answers_.user.npos) return {};
    const auto& config = plan_.config;
    auto accounts = store::Accounts::open(config, store::system_users_of(*config));
    if (accounts) {
      auto known = accounts->by_login(answers_.user);
      if (known && *known) return {};
    }
    TRY(password_, ask_password(answers_.user, err_));
    return {};
  }

  /// An address becomes an own user, unless there is one; a bare name is passwd's.
  Result<void> add_user() {
    if (answers_.user.empty()) return {};
    const auto& config = plan_.config;
    TRY(auto accounts, store::Accounts::open(config, store::system_users_of(*config)));
    TRY(auto known, accounts.by_login(answers_.user));
    if (known) {
      out_ << "User " << known->name << " exists.\n";
      return {};
    }
    if (answers_.user.find('@') == answers_.user.npos) {
      return Error::permanent("there is no user " + answers_.user +
                              " in passwd; an own user is named by its address");
    }
    TRY(auto users, store::OwnUsers::open(config));
    TRY(auto name, users.full_name(answers_.user));
    if (!password_) {
      TRY(password_, ask_password(name, err_));
    }
    TRY(auto credentials, store::StoredCredentials::make(*password_));
    TRY(auto full, users.add(name, credentials));
    out_ << "User " << full << " added.\n";
    return {};
  }

  std::vector<std::string> of_directory() const { return {"-c", load_.directory}; }

  int finish() {
    build_stale_aliases(*plan_.config, out_, err_);
    int status = check_command(of_directory(), out_, err_);
    if (status != 0) {
      err_ << "pennypost setup: main.toml is written; the host needs what is said above, then: "
              "pennypost setup\n";
      return status;
    }
    if (starts_) {
      status = start();
      if (status == 0) status = send_message();
    }
    print_records();
    if (status == 0 && !autoconfig_directory_.empty()) status = write_autoconfig();
    return status;
  }

  int write_autoconfig() {
    out_ << "\nFor a web server at autoconfig." << plan_.config->mydomain << " and autodiscover."
         << plan_.config->mydomain << ":\n";
    std::vector<std::string> args{"-c", load_.directory, autoconfig_directory_};
    return autoconfig(args, out_, err_);
  }

  static bool has_systemd() {
    return ::access("/run/systemd/system", F_OK) == 0 && ::access(systemd_target, F_OK) == 0;
  }

  int start() {
    auto directory = of_directory();
    const bool is_systems = load_.directory == LoadOptions().directory && has_systemd();
    std::ostringstream ignored;
    const bool runs = status_command(directory, ignored, ignored) == 0;
    if (runs) return reload_command(directory, out_, err_);
    if (!is_systems) {
      reload_running(directory);
      return start_command(directory, out_, err_);
    }
    out_ << "systemctl enable --now pennypost.target\n" << std::flush;
    return run_systemctl() ? 0 : ex_failed;
  }

  /// Daemons that run already take the new configuration before the others start.
  static void reload_running(const std::vector<std::string>& directory) {
    std::ostringstream ignored;
    reload_command(directory, ignored, ignored);
  }

  static bool run_systemctl() {
    pid_t child = ::fork();
    if (child == 0) {
      ::execlp("systemctl", "systemctl", "enable", "--now", "pennypost.target", nullptr);
      ::_exit(127);
    }
    int status = 0;
    return child > 0 && ::waitpid(child, &status, 0) == child && status == 0;
  }

  int send_message() {
    const std::string recipient = answers_.user.empty() ? "postmaster" : answers_.user;
    auto sent = send_test_message(plan_.config, recipient);
    if (sent) {
      out_ << "A message to " << recipient << " was sent: " << *sent << ".\n";
      return 0;
    }
    err_ << "pennypost setup: a message to " << recipient
         << " did not arrive: " << sent.error().text() << "\n";
    return ex_failed;
  }

  void print_records() {
    std::vector<std::string> addresses;
    for (const auto& interface : System::query().interfaces) addresses.push_back(interface.address);
    const auto records = dns_records(*plan_.config, addresses);
    if (records.empty()) return;
    out_ << "\nDNS records to publish:\n";
    std::string why;
    for (const auto& record : records) {
      if (record.why != why) out_ << "; " << record.why << "\n";
      why = record.why;
      out_ << record.text() << "\n";
    }
    print_signing_records();
  }

  void print_signing_records() {
    const Config& config = *plan_.config;
    const std::string domain = config.text("mydomain");
    if (!config.dkim_signing) return;
    auto kept = KeyDirectory(config.dkim_key_directory).read(domain);
    if (!kept || kept->signing().empty()) return;
    out_ << "; shows receivers that mail is yours (DKIM)\n";
    for (const auto* key : kept->signing()) out_ << dkim_zone_line(domain, *key);
  }

  std::ostream& out_;
  std::ostream& err_;
  LoadOptions load_;
  SetupAnswers answers_;
  SetupPlan plan_;
  std::vector<AliasChange> aliases_;
  std::optional<Secret> password_;  // of the first user, if he is new
  std::shared_ptr<const Config> present_;
  bool is_terminal_ = false;
  bool is_input_over_ = false;
  bool is_agreed_ = false;
  bool is_dry_run_ = false;
  bool starts_ = true;
  std::string autoconfig_directory_;
};

}  // namespace

int setup(std::span<const std::string> args, std::ostream& out, std::ostream& err) {
  return Setup(out, err).run(args);
}

}  // namespace pennypost::smtp
