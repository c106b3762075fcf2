<?php
// Roundcube in front of a Pennypost on the same host: what differs from Roundcube's own defaults.
//
// Included at the end of /etc/roundcube/config.inc.php, where Debian keeps the database and this host's key; what stands below
// the include there has the last word. Pennypost's README.md says how, under "Webmail", and what the daemons must be told.
//
// Roundcube logs each user in at imapd (143), smtpd (587) and ManageSieve (4190) with the user's own name and password; it needs
// no master password. All its sessions come from this host's own address: imapd slows strangers down after wrong
// passwords, but not those in auth_throttle_exempt_networks, so that one user's mistakes do not lock out the others. Roundcube has
// a limit of its own (login_rate_limit).
//
// If the servers are on other hosts, write the names in their certificates instead of localhost, with tls://, and remove
// the lines with verify_peer.

$config['imap_host'] = 'localhost:143';
$config['smtp_host'] = 'tls://localhost:587';
$config['managesieve_host'] = 'tls://localhost:4190';

// The certificate bears the host's public name, not localhost, and nobody can stand between us and loopback.
$here = ['ssl' => ['verify_peer' => false, 'verify_peer_name' => false]];
$config['smtp_conn_options'] = $here;
$config['managesieve_conn_options'] = $here;

// Passwords are typed here: whoever comes by http is sent to https. Behind a proxy that speaks TLS in this host's place, write
// the proxy's address into proxy_whitelist, and let it set X-Forwarded-Proto.
$config['force_https'] = true;

// Users of Pennypost log in with their whole address. With a domain here, such as 'example.com', the part before @ will do.
$config['username_domain'] = '';

// Drafts, Sent, Junk and Trash are made at the first login if they are missing; a folder that another mail program
// has marked for that use (SPECIAL-USE) is taken instead.
$config['create_default_folders'] = true;

// Look for new mail in all folders every minute. A cache in the database is not needed: imapd sorts and threads by itself.
$config['refresh_interval'] = 60;
$config['check_all_folders'] = true;
$config['messages_cache'] = false;

// Filters and absence notes, kept as Sieve scripts by ManageSieve; absence (1) has a page of its own beside the filters.
$config['plugins'] = array_unique(array_merge($config['plugins'] ?? [], ['managesieve', 'archive', 'markasjunk']));
$config['managesieve_vacation'] = 1;
$config['managesieve_default'] = '';
