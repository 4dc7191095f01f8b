# fish completion of tunctl: put it into ~/.config/fish/completions.

function __tunctl_devices
    # Only devices of the driver have this file.
    for file in /sys/class/net/*/tun_flags
        string split -f 5 / $file
    end
end

function __tunctl_namespaces
    for file in /run/netns/*
        string replace /run/netns/ '' $file
    end
end

complete -c tun2udp-tunctl -w tunctl
complete -c tunctl -f
complete -c tunctl -s b -d 'Print only the device name'
complete -c tunctl -s d -x -a '(__tunctl_devices)' -d 'Delete the device'
complete -c tunctl -s f -r -F -d 'Clone device'
complete -c tunctl -s g -x -a '(__fish_complete_groups)' -d 'Group whose members may attach'
complete -c tunctl -s t -x -a '(__tunctl_devices)' -d 'Device name'
complete -c tunctl -s u -x -a '(__fish_complete_users)' -d 'User who may attach'
complete -c tunctl -l tun -d 'Use a TUN device instead of a TAP device'
complete -c tunctl -l multi-queue -d 'Use a device that supports several queues'
complete -c tunctl -l netns -x -a '(__tunctl_namespaces)' -d 'Network namespace'
complete -c tunctl -l list -d 'Print the TUN and TAP devices'
complete -c tunctl -l json -d 'Print JSON'
complete -c tunctl -l help -d 'Print this help'
complete -c tunctl -l version -d 'Print the version'
