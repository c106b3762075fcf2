// The usage texts of the commands, printed for `--help` and after wrong arguments.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace pennypost::smtp::usage {

inline constexpr std::string_view autoconfig =
    "usage: pennypost autoconfig [-c DIR] [--domain DOMAIN]... DIRECTORY";
inline constexpr std::string_view backup =
    "usage: pennypost backup [-c DIR] [--keep N] TARGET\n"
    "       pennypost backup list TARGET\n"
    "       pennypost backup verify TARGET [BACKUP]";
inline constexpr std::string_view dkim =
    "usage: pennypost dkim new [-c DIR] [-o NAME=VALUE] DOMAIN\n"
    "       pennypost dkim record [-c DIR] [-o NAME=VALUE] DOMAIN [SELECTOR]\n"
    "       pennypost dkim list [-c DIR] [-o NAME=VALUE] [DOMAIN]\n"
    "       pennypost dkim retire [-c DIR] [-o NAME=VALUE] [-f] DOMAIN SELECTOR";
inline constexpr std::string_view doctor =
    "usage: pennypost doctor [-c DIR] [--json] [--all] [--offline] [--probe DOMAIN] [--mail] "
    "[--watch]\n"
    "         [DOMAIN]";
inline constexpr std::string_view domain =
    "usage: pennypost domain add|del|list [-c DIR] [-o NAME=VALUE] [DOMAIN]";
inline constexpr std::string_view doveadm =
    "usage: doveadm [-c DIR] reload | stop | config [SETTING]... | penalty | service status\n"
    "       doveadm [-c DIR] user [-u] PATTERN... | pw [-l] [-s SCHEME] [-t STORED]\n"
    "         [-p PASSWORD] | quota get|recalc -u USER | -A";
inline constexpr std::string_view doveconf =
    "usage: doveconf [-c DIR] [-a | -n | -d] [-h] [-x] [SETTING]...";
inline constexpr std::string_view migrate =
    "usage: pennypost migrate [-c DIR] [--output DIR] sendmail DIRECTORY | {postfix|dovecot} "
    "[FILE]...\n"
    "       pennypost migrate imap [-c DIR] --user LOGIN --to USER [--password-file FILE] [--port "
    "N]\n"
    "         [--starttls] [--ca-file FILE | --insecure-tls] [--folder NAME]... HOST";
inline constexpr std::string_view newaliases = "usage: newaliases [-c DIR]";
inline constexpr std::string_view postalias =
    "usage: postalias [-c DIR] [-finNoprsuvw] [-q KEY|-] [-d KEY|-] [TYPE:]FILE...";
inline constexpr std::string_view postcat = "usage: postcat [-c DIR] [-behv] -q ID...";
inline constexpr std::string_view postconf =
    "usage: postconf [-c DIR] [-d | -n] [-h | -H] [-x] [-o NAME=VALUE]... [NAME]...\n"
    "       postconf [-c DIR] -e NAME=VALUE... | -# NAME... | -X NAME...\n"
    "       postconf [-c DIR] -b | -t [FILE]\n"
    "       postconf [-c DIR] -M | -F | -P [SERVICE[/TYPE[/NAME]]]...\n"
    "       postconf --topics [TOPIC]... | --example ROLE | --manual";
inline constexpr std::string_view postdrop = "usage: postdrop [-c DIR] [-r] < MESSAGE";
inline constexpr std::string_view postfix =
    "usage: postfix [-c DIR] [-v] start|stop|abort|reload|status|check|flush|logrotate";
inline constexpr std::string_view postlog =
    "usage: postlog [-c DIR] [-i] [-p info|warn|error|fatal|panic] [-t TAG] [TEXT]...";
inline constexpr std::string_view postmap =
    "usage: postmap [-c DIR] [-bfFhimnNoprsuUvw] [-q KEY|-] [-d KEY|-] [TYPE:]FILE...";
inline constexpr std::string_view postqueue =
    "usage: postqueue [-c DIR] -p | -j | -f | -i ID | -s SITE";
inline constexpr std::string_view postsuper =
    "usage: postsuper [-c DIR] [-psSv] [-d ID|ALL|-] [-e ID|ALL|-] [-f ID|ALL|-] [-h ID|ALL|-] "
    "[-H ID|ALL|-] [-r ID|ALL|-] [incoming|active|deferred|hold]...";
inline constexpr std::string_view pw =
    "usage: pennypost pw [-s SCHEME | -t STORED | -l] [-p PASSWORD]";
inline constexpr std::string_view queue =
    "usage: pennypost queue shape [-c DIR] [-lps] [-b BUCKETS] [-t MINUTES] [-m SUBDOMAINS] "
    "[-w COLUMNS] [incoming|active|deferred|hold]...";
inline constexpr std::string_view quota =
    "usage: pennypost quota get|recalc [-c DIR] [--json] -u USER | -A";
inline constexpr std::string_view report = "usage: pennypost report [-c DIR]";
inline constexpr std::string_view reports =
    "usage: pennypost reports [-c DIR] [--from USER|PATH]... [--since TIME] [--json] [DOMAIN]";
inline constexpr std::string_view restore =
    "usage: pennypost restore [-c DIR] [--backup NAME] [--root DIR] [--overwrite] TARGET\n"
    "       pennypost restore [-c DIR] [--backup NAME] --user USER [--folder FOLDER] TARGET";
inline constexpr std::string_view route =
    "usage: pennypost route [-c DIR] [--from SENDER] [--client ADDRESS] [--helo NAME] "
    "[--login NAME]\n"
    "         [--service NAME] ADDRESS";
inline constexpr std::string_view sendmail =
    "usage: sendmail [-t] [-i] [-f ADDRESS] [-F NAME] [-N WHEN] [-R full|hdrs] [-V ID] "
    "[-XV[xy]] [-C DIR] [RECIPIENT]...\n"
    "       sendmail -bs | -bp | -bi | -q";
inline constexpr std::string_view mailq = "usage: mailq [-C DIR]";
inline constexpr std::string_view pennypost_mailq = "usage: pennypost mailq [-c DIR] [-j]";
inline constexpr std::string_view service =
    "usage: pennypost start|stop|reload|status|check [-c DIR]\n"
    "       pennypost status [-c DIR] --metrics\n"
    "       pennypost check --stored [-c DIR]";
inline constexpr std::string_view setup =
    "usage: pennypost setup [-c DIR] [--role null-client|relay|destination] [--hostname NAME]\n"
    "         [--domain NAME] [--relayhost HOST] [--networks LIST] [--user ADDRESS]\n"
    "         [--certificate FILE --key FILE] [--set NAME=VALUE]... [--autoconfig DIRECTORY] "
    "[--yes]\n"
    "         [--dry-run] [--no-start]";
inline constexpr std::string_view sieve =
    "usage: pennypost sieve check [-c DIR] FILE...\n"
    "       pennypost sieve test [-c DIR] [--from ADDRESS] [--to ADDRESS] [--mailbox NAME]...\n"
    "         [--remembered KEY]... FILE MESSAGE\n"
    "       pennypost sieve list|deactivate [-c DIR] USER\n"
    "       pennypost sieve get|activate|delete [-c DIR] USER NAME\n"
    "       pennypost sieve put [-c DIR] USER NAME FILE\n"
    "       pennypost sieve rename [-c DIR] USER NAME NEW\n"
    "       pennypost sieve run [-c DIR] [--folder NAME] [--dry-run] [--remove-discarded] USER "
    "NAME";
inline constexpr std::string_view throttle =
    "usage: pennypost throttle list [-c DIR] [ADDRESS|LOGIN]\n"
    "       pennypost throttle lift [-c DIR] ADDRESS|LOGIN|--all";
inline constexpr std::string_view top = "usage: pennypost top [-c DIR] [--once]";
inline constexpr std::string_view trace =
    "usage: pennypost trace [-c DIR] [--client ADDRESS] [--user NAME] [--destination HOST|DOMAIN]\n"
    "         [--seconds N]";
inline constexpr std::string_view user =
    "usage: pennypost user add|passwd|del|list [-c DIR] [-o NAME=VALUE] [-d HOME] [-m LOCATION] "
    "[-q RULE] [-s] [-l] [NAME]\n"
    "       pennypost user block [-c DIR] [--reason TEXT] [--logins] [--hold] NAME\n"
    "       pennypost user unblock [-c DIR] NAME\n"
    "       pennypost user show [-c DIR] [--json] NAME|@DOMAIN\n"
    "       pennypost user set [-c DIR] NAME|@DOMAIN FIELD=VALUE...\n"
    "       pennypost user quota [-c DIR] NAME|@DOMAIN [RULE... | none]\n"
    "       pennypost user apppass add [-c DIR] [--scope LIST] [--expires DAY] [--json] NAME APP\n"
    "       pennypost user apppass del [-c DIR] NAME APP\n"
    "       pennypost user apppass list [-c DIR] [--json] NAME\n"
    "       pennypost user rename [-c DIR] OLD NEW\n"
    "       pennypost user del [-c DIR] [--with-mail | --archive FILE] NAME";

inline constexpr std::string_view where =
    "usage: pennypost where [-c DIR] [--since TIME] [--log FILE]... [--json] "
    "ID|ADDRESS|MESSAGE-ID";

/// Whether the arguments are just `--help`.
inline bool is_asked(std::span<const std::string> args) {
  return args.size() == 1 && args.front() == "--help";
}

}  // namespace pennypost::smtp::usage
